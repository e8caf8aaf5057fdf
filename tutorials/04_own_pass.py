"""
4. Write your own pass
======================

A pass takes a valid module and returns a valid module. This one removes what no result depends on,
and the machine has less to do, without a single changed bit.
"""

# %%
# An idea
# -------
#
# If pruning takes all weights of an input away from a layer, nobody reads that value any more.
# Then the weights that compute it in the layer before are work for nothing, although none of them
# is small. Such *dead outputs* are easy to see after pruning, but pruning works on one layer at a
# time and does not look for them.
#
# First something to prune: a network of LeNet-300-100's shape, with random weights. (The shipped
# LeNet has nothing for us: what its training left without a reader it left without weights, too.)
# Its second layer keeps 2 % of them.

from collections.abc import Iterator
from importlib.resources import files

import numpy as np
import tvm
import tvm_ffi
from tvm import IRModule, relax

import eie_backend as eie
from eie_backend.transform.layers import (
    dense_layers,
    is_call,
    layers_of,
    map_weights,
    weights_by_layer,
)

DATA = files("eie_backend") / "data"
with np.load(str(DATA / "mnist_test_1000.npz")) as data:
    images = data["images"][:100].reshape(-1, 1, 28, 28).astype(np.float32) / 255

rng = np.random.default_rng(0)
trained = eie.from_onnx(DATA / "lenet_300_100.onnx", {"batch": 100})
mod = map_weights(trained, lambda _, w: rng.normal(0, 0.05, w.shape).astype(np.float32))
recipe = eie.Recipe(density={"fc1": 0.15, "fc2": 0.02, "fc3": 0.2})
compressed = eie.compress(mod, recipe)
for name, weights in weights_by_layer(layers_of(compressed)).items():
    unread, empty = (int((weights == 0).all(axis).sum()) for axis in (0, 1))
    print(f"{name}: {unread:3} inputs that it does not read, {empty:3} outputs without weights")

# %%
# Every output of fc1 has weights, but some of them fc2 does not read any more.
#
# The pass
# --------
#
# A compressed module is plain Relax, so a TVM pass is all it takes. The house style: the
# docstring shows before and after and numbers what must hold; the tests carry the same numbers.
# Two helpers of the package do the rewriting: ``dense_layers`` finds layers with constant
# weights, a matrix of outputs x inputs, and ``map_weights`` replaces them.


@tvm.transform.module_pass(opt_level=0, name="tutorial.RemoveDeadOutputs")
class RemoveDeadOutputs:
    """Remove the weights of outputs that nobody reads.

    Before -> after, if column j of fc2's weights is zero::

        h = relu(matmul(x, fc1) + b1)        row j of fc1's weights becomes zero
        y = matmul(h, fc2)                   unchanged

    1. Between the two layers are only additions and ReLUs, and each output stays one value.
    2. The first layer's result goes nowhere else; the module does not return it either.
    3. No other layer shares the first one's weights.
    """

    def transform_module(self, mod: IRModule, _context: tvm.transform.PassContext) -> IRModule:
        weights = weights_by_layer(layers_of(mod))
        # From the last layer to the first: what dies may be the last reader of another output.
        for first, second in reversed(list(chains(mod))):
            unread = (weights[second] == 0).all(axis=0)
            if len(unread) == len(weights[first]):
                weights[first] = np.where(unread[:, None], np.float32(0), weights[first])
        return map_weights(mod, lambda name, _: weights[name])


def chains(mod: IRModule) -> Iterator[tuple[str, str]]:
    """Yield each pair of layers of which the second alone reads the first's result."""
    (block,) = mod["main"].body.blocks
    readers: dict[str, list[relax.VarBinding]] = {}
    for binding in block.bindings:
        for var in relax.analysis.free_vars(binding.value):
            readers.setdefault(var.name, []).append(binding)
    returned = {var.name for var in relax.analysis.free_vars(mod["main"].body.body)}
    names = [layer.name for layer in dense_layers(mod) if len(layer.uses) == 1]
    for name in names:
        after = name
        while after not in returned and len(readers.get(after, ())) == 1:
            (reader,) = readers[after]
            after = reader.var.name
            if after in names:
                yield name, after
            if not any(is_call(reader.value, f"relax.{op}") for op in ("add", "nn.relu")):
                break


# %%
# Does it do what it says?
# ------------------------
#
# Only weights may change, and results may not. TVM's LLVM build of both modules is a judge that
# knows nothing of our machine.

smaller = RemoveDeadOutputs()(compressed)


def on_llvm(module):
    machine = relax.VirtualMachine(tvm.compile(module, target="llvm"), tvm.cpu())
    return machine["main"](tvm.runtime.tensor(images)).numpy()


np.testing.assert_allclose(on_llvm(smaller), on_llvm(compressed), rtol=1e-5, atol=1e-5)

before, after = (weights_by_layer(layers_of(one)) for one in (compressed, smaller))
for name in before:
    counts = np.count_nonzero(before[name]), np.count_nonzero(after[name])
    print(f"{name}: {counts[0]:6,} -> {counts[1]:6,} weights")

# %%
# Applied again it finds nothing more, and modules in which nothing is dead come back equal. These
# are tests that one would keep:

tvm.ir.assert_structural_equal(RemoveDeadOutputs()(smaller), smaller)
tvm.ir.assert_structural_equal(RemoveDeadOutputs()(mod), mod)

# %%
# So are those of preconditions, and they matter more: LLVM above saw a network that meets them all.
# Here are two, for 2 and 3. Whether the pass may act depends on what else a module returns.


def two_layers(returns):
    """Return a module of two layers of which the second does not read output 2 of the first."""
    first, second = (rng.normal(size=(4, 4)).astype(np.float32) for _ in range(2))
    second[2] = 0  # of the weights as Relax has them, a row is an input
    x, weights = relax.Var("x", relax.TensorType((1, 4), "float32")), relax.const(first)
    builder = relax.BlockBuilder()
    with builder.function("main", [x]):
        with builder.dataflow():
            h = builder.emit_output(relax.op.matmul(x, weights))
            y = builder.emit_output(relax.op.matmul(h, relax.const(second)))
            again = builder.emit_output(relax.op.matmul(relax.op.exp(x), weights))
        builder.emit_func_output(returns(h, y, again))
    return relax.transform.DeadCodeElimination()(builder.get())


is_changed = {
    name: not tvm_ffi.structural_equal(RemoveDeadOutputs()(module), module)
    for name, module in {
        "y": two_layers(lambda h, y, again: y),
        "h, y": two_layers(lambda h, y, again: relax.Tuple([h, y])),
        "y, again": two_layers(lambda h, y, again: relax.Tuple([y, again])),
    }.items()
}
print(is_changed)
assert is_changed == {"y": True, "h, y": False, "y, again": False}

# %%
# In the second module the first layer's result is returned (2), in the third its weights are used
# again (3).

# %%
# On the machine
# --------------
#
# Weights that are gone are neither stored nor multiplied:

reports = {
    name: eie.profile(eie.compile(module, calibration=images), images)
    for name, module in (("pruned", compressed), ("without dead outputs", smaller))
}
for name, report in reports.items():
    cycles = {layer.name: round(layer.cycles_per_sample, 1) for layer in report.layers}
    energy = sum(layer.nanojoule_per_sample for layer in report.layers)
    stored = sum(layer.storage_bytes for layer in report.layers)
    print(f"{name:21} cycles {cycles}, {energy:.0f} nJ, {stored / 1000:.0f} kB")

first, second = reports.values()
assert first.outputs[0].tobytes() == second.outputs[0].tobytes()
assert second.layers[0].cycles_per_sample < first.layers[0].cycles_per_sample

# %%
# The results are the same to the bit: in the machine's arithmetic, too, nothing was changed that
# anyone reads. Energy falls with the weights; cycles fall less, because a broadcast waits for the
# PE with the most entries, wherever the others save. Those of fc3 even rise: a dead output keeps
# its bias, and where that is positive, fc3 now always gets a value that nobody needs, which before
# was sometimes zero. To remove the bias, too, is left to you.
#
# A pass of the project itself goes into a file of ``eie_backend/transform/``, with one line in
# the pipeline (``pipeline.py``) and the reason for its place; `CONTRIBUTING
# <../contributing.html#how-to-add>`_ says more.
