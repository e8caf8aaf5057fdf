"""
2. What the compiler does, level by level
=========================================

The six forms that one network takes on its way to the machine, printed whole, and each one run.

The network is tiny, so that everything can be read: two dense layers, 6 to 5 to 3 values, on a
machine of two PEs.
"""

# %%
import numpy as np
import tvm
from onnx import TensorProto, helper, numpy_helper
from tvm import relax

import eie_backend as eie
from eie_backend import compiler
from eie_backend.compiler import stages
from eie_backend.isa.image import decode_image
from eie_backend.isa.interpreter import interpret
from eie_backend.machine.target import as_target
from eie_backend.transform.layers import layers_of, weights_by_layer

rng = np.random.default_rng(1)
weights = {
    "w1": rng.normal(size=(5, 6)).astype(np.float32),
    "b1": rng.normal(size=5).astype(np.float32),
    "w2": rng.normal(size=(3, 5)).astype(np.float32),
    "b2": rng.normal(size=3).astype(np.float32),
}
graph = helper.make_graph(
    [
        helper.make_node("Gemm", ["x", "w1", "b1"], ["s1"], "fc1", transB=1),
        helper.make_node("Relu", ["s1"], ["h"], "relu1"),
        helper.make_node("Gemm", ["h", "w2", "b2"], ["y"], "fc2", transB=1),
    ],
    "tiny",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 6])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])],
    [numpy_helper.from_array(value, name) for name, value in weights.items()],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
x = np.abs(rng.normal(size=(1, 6))).astype(np.float32)

# %%
# 1. Relax: the model, imported
# -----------------------------
#
# TVM's graph language. The weights are constants (``metadata``) of the module. A Gemm of ONNX
# with ``transB`` arrives as a matmul with a transposed constant and an addition.

mod = eie.from_onnx(model)
print(mod.script())

# %%
# It runs on this CPU like any Relax module. That is what the other levels are compared with.


def on_llvm(module):
    machine = relax.VirtualMachine(tvm.compile(module, target="llvm"), tvm.cpu())
    return machine["main"](tvm.runtime.tensor(x)).numpy()


original = on_llvm(mod)
print(original)

# %%
# 2. Compressed: still plain Relax
# --------------------------------
#
# Half of the weights go, the others share three values per layer (2 bits of code; code 0 is for
# padding). The result is an ordinary module, which LLVM runs as well; only its weights have many
# zeros and few values. Nothing of the machine is in it, and a module that another tool compressed
# enters here.

machine = as_target(eie.HardwareConfig(num_pe=2, codebook_bits=2))
recipe = eie.Recipe(density=0.5, bits=2)
prepared = compiler.prepare(mod, machine, recipe, arithmetic="float32")


def show(stage):
    """Print one form; large constants are elided."""
    for part in stages.emit(stage, mod, lambda: prepared, machine, complete=False):
        print(part)


show("compressed")

# %%
# It looks the same, because its weights are out of sight. Here they are:

for name, before in (("fc1", weights["w1"]), ("fc2", weights["w2"])):
    print(f"{name} before:\n{before.round(2)}\n{name} after:")
    print(weights_by_layer(layers_of(prepared))[name].round(2))

reference = on_llvm(prepared)
print(reference)

# %%
# Half of the weights of so small a network are a lot: the results have changed. From here on they
# will not change any more.
#
# 3. Partitioned: what the machine takes
# --------------------------------------
#
# Patterns find what the machine runs: a layer with its bias and epilogue becomes a *composite*
# function, ``eie.dense``, and a chain of them one function for the machine. The host's ``main``
# only calls it. Between the layers nothing comes back to the host.

show("partitioned")

# %%
# 4. TIR: loops and intrinsics
# ----------------------------
#
# Each composite becomes a loop nest, cut into tiles that fit the machine's registers and memories
# (:doc:`/tiles`); here one tile does. ``T.eie.mvm`` and the others are intrinsics: calls that
# stand for instructions.

show("tir")

# %%
# 5. The eie dialect: the program
# -------------------------------
#
# Instructions with their operands (:doc:`/isa`), as MLIR text. Weights are now *codes* into a
# *codebook*. ``setup`` runs once and keeps the weights on the machine, ``run`` for each input.

show("eie")

# %%
# The instruction set is defined once, with an executable meaning for each instruction. An
# interpreter runs just these definitions, one after the other:

(program,) = stages.eie_programs(prepared, machine)
interpreted, _ = interpret(program, x)
print(interpreted)
np.testing.assert_allclose(interpreted, reference, rtol=1e-5)

# %%
# 6. Image: bytes
# ---------------
#
# What the simulator loads. It begins with ``EIEIMAGE``, the version of the format (03) and a
# checksum of all that follows. Then come sections, each with a tag, a length and a checksum. The
# first, ``CONF``, is the machine: a record of twelve sizes (0c), first of them 2 PEs and queues of
# depth 8. Tables, matrices with their entries and pointers, biases, and the program with its
# instructions of 16 bytes each make up the rest.

(image,) = stages.emit("image", mod, lambda: prepared, machine)
for start in range(0, 64, 16):
    line = image[start : start + 16]
    print(
        f"{start:04x}  {line.hex(' ')}  {''.join(chr(b) if 32 <= b < 127 else '.' for b in line)}"
    )
print("...", len(image), "bytes")
(decoded,) = decode_image(image)
assert decoded.layers == program.layers == ("fc1", "fc2")

# %%
# Three engines run it: one computes results only, one finds every cycle by a recurrence, one
# steps every unit at every clock edge. The results are the interpreter's, to the bit.

library = compiler.build(prepared, machine)
for engine in ("functional", "event", "clock"):
    report = eie.profile(library, x, engine=engine)
    cycles = [layer.counters["cycles"] for layer in report.layers]
    print(f"{engine:10} {report.outputs[0]} cycles: {cycles}")
    assert report.outputs[0].tobytes() == interpreted.tobytes()

# %%
# From a shell, each of these forms comes from
# ``eie compile model.onnx --emit relax|compressed|partitioned|tir|eie|image``.
#
# Next: :doc:`change what is printed here <04_own_pass>`, by a pass of your own.
