"""
5. Write your own schedule, and see the cycles change
=====================================================

A layer that is larger than the machine is cut into tiles. Who cuts it well? We cut one layer in
another way than the compiler does, and save every sixth cycle.
"""

# %%
# A layer that does not fit
# -------------------------
#
# A machine of 16 PEs has 16 x 64 = 1024 destination registers: one ``mvm`` computes at most 1024
# outputs. Our layer has 1,100, and so is cut in two; each output block scans all inputs again.

import matplotlib.pyplot as plt
import numpy as np
import tvm
from onnx import TensorProto, helper, numpy_helper

import eie_backend as eie
from eie_backend import compiler
from eie_backend.compiler import stages
from eie_backend.machine.target import as_target
from eie_backend.schedules.tensorize import tensorize
from eie_backend.schedules.tile import choose_tiles, tile
from eie_backend.show.drawing import COLORS

rng = np.random.default_rng(0)
config = eie.HardwareConfig(num_pe=16)
x = np.maximum(rng.normal(size=(8, 1024)), 0).astype(np.float32)


def layer(outputs):
    """Return one dense layer, 1024 to `outputs`, that keeps a twentieth of its weights."""
    weights = rng.normal(size=(1024, outputs)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"], "fc")],
        "layer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1024])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, outputs])],
        [numpy_helper.from_array(weights, "w")],
    )
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    return eie.compress(eie.from_onnx(model), eie.Recipe(density=0.05))


def mvms(module, schedule=None):
    """Print the tiles of the layer's kernel, as they stand in TIR."""
    prepared = compiler.prepare(module, config)
    text = stages.tir(prepared, as_target(config), schedule).script()
    for line in text.splitlines():
        if "T.reads(acc[" in line and "w[" in line:
            print(line.strip())


module = layer(1100)
mvms(module)

# %%
# The compiler's schedule is ``fewest_tiles`` in ``schedules/schedule.py``, three calls.
# ``choose_tiles`` makes the first block as large as it can, 1024 outputs, and leaves 76 for the
# second. With these cuts ``tile`` rebuilds the loop nest, and ``tensorize`` replaces each block by
# an intrinsic, ``T.eie.mvm``; after that a tile is an instruction.
#
# Where do the cycles go?


def profile(module, schedule=None):
    return eie.profile(eie.compile(module, config, calibration=x, schedule=schedule), x)


greedy = profile(module)
(fc,) = greedy.layers
spent = ("multiply", "padding", "empty_column", "waiting")
print(f"{fc.cycles_per_sample:,.0f} cycles, of the PEs' edges in thousands:")
print({name: round(fc.breakdown[name] / 1000) for name in spent})

# %%
# Two things are wasteful. In the small block a PE has four or five of the 76 outputs, and most of
# its columns are empty, but each costs it an edge (``empty_column``). In the large one it has 64
# rows: more than 15 zeros between two weights do not fit into the 4 bits of a relative index, and
# a zero is stored and multiplied between them (``padding``).
#
# Another cut
# -----------
#
# Two blocks are needed, but not of 1024 and 76. Let us make them equal. A schedule is a function
# of a kernel, the plain loop nest, and of what is known of its layer; it returns the kernel in
# tiles. For one block that fits, ``choose_tiles`` still knows how to cut its inputs.


def even_tiles(kernel, layer):
    """Schedule as few output blocks as the compiler, but of equal size, in whole rows of PEs."""
    (outputs, inputs), config = layer.weights.shape, layer.config
    blocks = -(-outputs // config.block_values)
    rows = -(-outputs // (blocks * config.num_pe)) * config.num_pe
    tiles = []
    for start in range(0, outputs, rows):
        span = start, min(start + rows, outputs)
        ((_, inputs_of_block),) = choose_tiles(
            span[1] - start, inputs, config, lambda _, span=span: layer.lengths(span)
        )
        tiles.append((span, inputs_of_block))
    return tensorize(tile(kernel, tiles))


# %%
# ``eie.compile`` takes it as an argument, and the library remembers whose schedule it has:

mvms(module, even_tiles)
even = profile(module, even_tiles)
print("schedule:", even.manifest["schedule"])

gain = greedy.layers[0].cycles_per_sample / even.layers[0].cycles_per_sample
print({name: round(even.layers[0].breakdown[name] / 1000) for name in spent})
print(f"{even.layers[0].cycles_per_sample:,.0f} cycles: {gain:.2f} times as fast")
assert gain > 1.1
assert even.outputs[0].tobytes() == greedy.outputs[0].tobytes()

# %%
# The products are the same. Empty columns are fewer, and so is padding: only zeros before a
# column's last weight can need it, and a shorter column has fewer of them.
#
# The results are the same to the bit: each output is summed over the same inputs in the same
# order. That is what a schedule must keep: a kernel that sums otherwise, or does not fit the
# machine, is refused, with the layer and every fault.


def too_large(kernel, layer):
    return tensorize(kernel)  # one tile


try:
    eie.compile(module, config, schedule=too_large)
except eie.EieError as error:
    print(error)

# %%
# Tiles keep the kernel's own meaning, too: without intrinsics, TIR is plain loops, which TVM
# compiles for this CPU.

from eie_backend.schedules.kernel import DenseShape, dense_kernel

shape = DenseShape(batch=1, outputs=12, inputs=6, has_bias=False)
kernel = dense_kernel("fc", shape)
cut = dense_kernel("fc", shape, [((0, 6), [(0, 6)]), ((6, 12), [(0, 6)])])
small, matrix = x[:1, :6], rng.normal(size=(6, 12)).astype(np.float32)
for function in (kernel, cut):
    result = tvm.runtime.tensor(np.zeros((1, 12), np.float32))
    compiled = tvm.compile(function, target="llvm")
    compiled(*map(tvm.runtime.tensor, (small, matrix)), result)
    np.testing.assert_allclose(result.numpy(), small @ matrix, rtol=1e-4, atol=1e-5)

# %%
# When does it pay?
# -----------------
#
# Just beyond a multiple of 1024, a greedy cut leaves a small rest. At a multiple both cuts are
# one.

sizes = [1000, 1040, 1100, 1200, 1400, 1700, 2048]
gains = []
for outputs in sizes:
    module = layer(outputs)
    ours = profile(module, even_tiles).layers[0].cycles_per_sample
    gains.append(profile(module).layers[0].cycles_per_sample / ours)

figure, axes = plt.subplots(figsize=(5, 3.2), layout="constrained")
axes.plot(sizes, gains, "o-", color=COLORS[0])
axes.axhline(1, color="0.4", linewidth=0.8, linestyle="--")
axes.set(xlabel="outputs of the layer", ylabel="cycles, greedy / even")
plt.show()

# %%
# Not every cut that is better for one layer is better for all: more blocks mean more scans,
# smaller ones a worse load balance. Which other cuts are worth trying? Blocks of rows with like
# numbers of weights; or inputs cut so that a tile's columns fill the pointer memory.
