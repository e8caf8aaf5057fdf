"""
9. Bring a model from PyTorch, JAX or ONNX
==========================================

The same network from three frameworks, with the same results; and what happens to what the machine
cannot run.

This page needs PyTorch and JAX: ``pip install '.[torch,jax]'``.
"""

# %%
# A small network: two dense layers with a ReLU between them, and a softmax, which is none of the
# machine's. Its weights are NumPy arrays, which each framework gets.

import tempfile
from pathlib import Path

import numpy as np

import eie_backend as eie

try:
    import jax
    import torch
except ImportError as error:
    wanted = "this tutorial needs PyTorch and JAX: pip install '.[torch,jax]'"
    raise eie.errors.ExtraError(wanted) from error

rng = np.random.default_rng(0)
w1, b1 = rng.normal(0, 0.2, (64, 196)), rng.normal(0, 0.1, 64)
w2, b2 = rng.normal(0, 0.3, (10, 64)), rng.normal(0, 0.1, 10)
w1, b1, w2, b2 = (values.astype(np.float32) for values in (w1, b1, w2, b2))
images = rng.uniform(0, 1, (4, 196)).astype(np.float32)

# %%
# PyTorch
# -------
#
# Hand over a module and an example of its inputs; it is exported in evaluation mode. An
# ``ExportedProgram`` works as well. Layers are named after their parameters, here and in ONNX
# files: the page :doc:`/names` has the rule.

from torch import nn


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(196, 64), nn.Linear(64, 10)

    def forward(self, image):
        return torch.softmax(self.fc2(torch.relu(self.fc1(image))), dim=1)


model = Network()
weights = {"fc1.weight": w1, "fc1.bias": b1, "fc2.weight": w2, "fc2.bias": b2}
model.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
with torch.no_grad():
    expected = model(torch.from_numpy(images)).numpy()

from_pytorch = eie.from_pytorch(model, torch.from_numpy(images))

# %%
# JAX
# ---
#
# Hand over a function and examples of its inputs. The weights are arrays that the function closes
# over; layers are named by ``jax.named_scope``. (From JAX, dense and recurrent layers can be
# imported, convolutions cannot.)


def network(image):
    with jax.named_scope("fc1"):
        hidden = jax.nn.relu(image @ w1.T + b1)
    with jax.named_scope("fc2"):
        scores = hidden @ w2.T + b2
    return jax.nn.softmax(scores)


from_jax = eie.from_jax(network, images)

# %%
# ONNX
# ----
#
# Most frameworks write ONNX files. Here the batch is a dynamic dimension, which has to be bound:
# the machine's programs have fixed sizes. If it is not, the message says how:

import onnx
from onnx import TensorProto, helper, numpy_helper

graph = helper.make_graph(
    [
        helper.make_node("Gemm", ["image", "fc1.weight", "fc1.bias"], ["s"], "fc1", transB=1),
        helper.make_node("Relu", ["s"], ["h"], "relu"),
        helper.make_node("Gemm", ["h", "fc2.weight", "fc2.bias"], ["t"], "fc2", transB=1),
        helper.make_node("Softmax", ["t"], ["classes"], "softmax", axis=1),
    ],
    "network",
    [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 196])],
    [helper.make_tensor_value_info("classes", TensorProto.FLOAT, ["batch", 10])],
    [numpy_helper.from_array(value, name) for name, value in weights.items()],
)
path = Path(tempfile.mkdtemp()) / "network.onnx"
opset = helper.make_opsetid("", 17)
onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), path)

try:
    eie.from_onnx(path)
except eie.EieError as error:
    print(str(error).replace(f"{path.parent}/", ""))

from_onnx = eie.from_onnx(path, bind={"batch": 4})

# %%
# Where each operator runs
# ------------------------
#
# The importers differ in details, but the layers are the same:

for name, mod in (("PyTorch", from_pytorch), ("JAX", from_jax), ("ONNX", from_onnx)):
    rows = eie.explain(mod)
    layers = [row.layer for row in rows if row.is_layer and row.runs_on == "machine"]
    host = sorted({row.operator for row in rows if row.runs_on == "host"})
    print(f"{name:8} machine: {layers}  host: {host}")

# %%
# What the machine does not run stays on the host, compiled by TVM, and ``explain`` says why:

for row in eie.explain(from_onnx):
    print(f"{row.name:10} {row.operator:16} {row.runs_on:8} {row.reason or row.layer}")

# %%
# A layer that would stay on the host is an error with ``eie.compile(mod, strict=True)`` and
# ``eie compile --strict``; the operators that the machine knows are listed on the page
# :doc:`/supported_ops`.
#
# An operator that nobody knows
# -----------------------------
#
# ONNX files may hold operators that TVM's importer does not have, of ONNX or of a domain of
# your own. Here is the network with a Snake, x + sin²(ax) / a, in place of the ReLU:

snakes = onnx.load(path)
snakes.opset_import.append(helper.make_opsetid("org.example", 1))
snakes.graph.node[1].CopyFrom(
    helper.make_node("Snake", ["s"], ["h"], "snake", domain="org.example", a=0.5)
)
try:
    eie.from_onnx(snakes, bind={"batch": 4})
except eie.EieError as error:
    print(error)

# %%
# The message names the way out. A converter takes what builds Relax, the node's inputs and its
# attributes, and returns Relax, which the host runs; ``explain`` says so.

from tvm import relax


@eie.register_onnx_operator("Snake", domain="org.example")
def snake(builder, inputs, attributes):
    (x,), a = inputs, relax.const(attributes["a"], "float32")
    wave = relax.op.sin(relax.op.multiply(a, x))
    return relax.op.add(x, relax.op.divide(relax.op.multiply(wave, wave), a))


winding = eie.from_onnx(snakes, bind={"batch": 4})
for row in eie.explain(winding):
    print(f"{row.name:14} {row.operator:16} {row.runs_on}")

hidden = images @ w1.T + b1
scores = np.exp((hidden + np.sin(0.5 * hidden) ** 2 / 0.5) @ w2.T + b2)
wide = eie.HardwareConfig(codebook_bits=7)
library = eie.compile(winding, wide, arithmetic="float32", recipe=eie.Recipe(bits=7))
(found,) = eie.run(library, images)
np.testing.assert_allclose(found, scores / scores.sum(1, keepdims=True), atol=0.05)

# %%
# The same results
# ----------------
#
# Nothing is pruned. Weights are shared, as every layer's must be on this machine, with 7 bits of
# code: 127 values a layer. In float32 arithmetic, what is left is that rounding of the weights,
# and it is the same for all three:

config = eie.HardwareConfig(codebook_bits=7)
results = {}
for name, mod in (("PyTorch", from_pytorch), ("JAX", from_jax), ("ONNX", from_onnx)):
    library = eie.compile(mod, config, arithmetic="float32", recipe=eie.Recipe(bits=7))
    (results[name],) = eie.run(library, images)
    print(f"{name:8} off by at most {np.abs(results[name] - expected).max():.4f}")

np.testing.assert_allclose(results["PyTorch"], expected, atol=0.02)
np.testing.assert_allclose(results["JAX"], results["PyTorch"], atol=1e-5)
np.testing.assert_allclose(results["ONNX"], results["PyTorch"], atol=1e-5)

# %%
# Models that are compressed already
# ----------------------------------
#
# A compressed model is one whose weights have many zeros and few values, whoever made it so: it
# is compiled as it is. ``.eiez`` files hold one in a fraction of the size, and every command and
# ``from_onnx`` take them as a model:

few = onnx.load(path)
for tensor in few.graph.initializer:
    if tensor.name.endswith("weight"):
        values = numpy_helper.to_array(tensor)
        largest = np.abs(values) >= np.quantile(np.abs(values), 0.75)
        levels = np.where(largest, np.round(values * 10) / 10, 0).astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(levels, tensor.name))

container = path.with_suffix(".eiez")
eie.save_eiez(container, few)
print(f"{path.stat().st_size:,} bytes as ONNX, {container.stat().st_size:,} as .eiez")
library = eie.compile(eie.from_onnx(container, bind={"batch": 4}), calibration=images)
for layer in eie.profile(library, images).layers:
    print(f"{layer.name:5} {layer.cycles_per_sample:8,.1f} cycles per image")
