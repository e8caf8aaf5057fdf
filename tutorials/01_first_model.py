"""
1. Your first model
===================

From a trained network to its cycles, its energy and its accuracy on the machine, in ten minutes.

You need Python 3.10 or later, a C++17 compiler, and in a clone of the repository
``python3 -m venv .venv && .venv/bin/pip install '.[viz]'``. This page is a script, too:
``.venv/bin/python tutorials/01_first_model.py``. If you have an ONNX file of your own, use it where
this page uses ``digits.onnx``.
"""

# %%
# A network
# ---------
#
# The package brings 1,000 handwritten digits along (of the MNIST test set). We train a small
# network on 800 of them, in plain NumPy so that nothing else is needed: 784 pixels, 100 hidden
# values with a ReLU, 10 classes. With so few images it will not be a good one; that is not the
# point here.

import subprocess
import sysconfig
import tempfile
from importlib.resources import files
from pathlib import Path

import numpy as np

import eie_backend as eie

with np.load(str(files("eie_backend") / "data" / "mnist_test_1000.npz")) as data:
    images = data["images"].reshape(-1, 784).astype(np.float32) / 255
    labels = data["labels"]
x_train, y_train, x_test, y_test = images[:800], labels[:800], images[800:], labels[800:]

rng = np.random.default_rng(0)
w1 = rng.normal(0, 0.03, (784, 100)).astype(np.float32)
w2 = rng.normal(0, 0.1, (100, 10)).astype(np.float32)
for _ in range(200):
    hidden = np.maximum(x_train @ w1, 0)
    scores = hidden @ w2
    share = np.exp(scores - scores.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    share[np.arange(800), y_train] -= 1  # the gradient of the cross entropy
    share /= 800
    back = (share @ w2.T) * (hidden > 0)
    w2 -= 0.5 * (hidden.T @ share + 0.001 * w2)
    w1 -= 0.5 * (x_train.T @ back + 0.001 * w1)


def accuracy(scores):
    return float(np.mean(np.argmax(scores, axis=1) == y_test))


on_this_cpu = accuracy(np.maximum(x_test @ w1, 0) @ w2)
print(f"float32 on this CPU: {on_this_cpu:.1%}")

# %%
# eie reads ONNX files (and :doc:`PyTorch and JAX models <09_bring_a_model>`). Other frameworks
# write them for you; for two layers we can do it by hand. ``batch`` is a dynamic dimension: the
# file does not say how many images come at once.

import onnx
from onnx import TensorProto, helper, numpy_helper

graph = helper.make_graph(
    [
        helper.make_node("MatMul", ["image", "w1"], ["sum1"], "hidden"),
        helper.make_node("Relu", ["sum1"], ["hidden_values"], "relu"),
        helper.make_node("MatMul", ["hidden_values", "w2"], ["scores"], "classes"),
    ],
    "digits",
    [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 784])],
    [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", 10])],
    [numpy_helper.from_array(w1, "w1"), numpy_helper.from_array(w2, "w2")],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
folder = Path(tempfile.mkdtemp())
onnx.save(model, folder / "digits.onnx")

# %%
# What would run where?
# ---------------------
#
# The machine runs layers with weights, and the biases and activation functions such as ReLU that
# follow them. Everything else stays on the host, and ``explain`` says why, before anything is
# compiled. A program of the machine has fixed sizes, so ``bind`` sets the batch: one image at a
# time.

mod = eie.from_onnx(folder / "digits.onnx", bind={"batch": 1})
for row in eie.explain(mod):
    print(f"{row.name:8} {row.operator:8} runs on the {row.runs_on}, in layer {row.layer}")

# %%
# Both layers run on the machine, and the ReLU is a part of the first.
#
# Compile
# -------
#
# A *recipe* says how the weights are compressed: here two fifths of each layer's weights stay,
# the largest ones, and share 15 values (4 bits) per layer. The machine computes in 16-bit fixed
# point; a hundred training images as *calibration* tell it how large the numbers get.

library = eie.compile(mod, recipe=eie.Recipe(density=0.4), calibration=x_train[:100])
eie.export_library(library, folder / "digits.so")

# %%
# Run and measure
# ---------------
#
# ``profile`` runs the library on the simulated machine and counts. The results are the real ones,
# to the bit, of the machine's arithmetic.

report = eie.profile(folder / "digits.so", x_test)
on_the_machine = accuracy(report.outputs[0])
print(f"EIE, int16, density 0.4: {on_the_machine:.1%}")
assert on_the_machine > on_this_cpu - 0.04

# %%
# Without three fifths of its weights the network makes a few more mistakes. What has that bought?
# Every number of a report can be read in Python:

for layer in report.layers:
    print(f"{layer.name:8} {layer.cycles_per_sample:6.1f} cycles per image")

# %%
# Most people will prefer tables, and those come from the command line. There, arrays are ``.npy``
# files. (The function ``shell`` only shows on this page what a terminal shows.)

np.save(folder / "train.npy", x_train[:100])
np.save(folder / "test.npy", x_test)
np.save(folder / "labels.npy", y_test)


def shell(command):
    program, *arguments = command.split()
    words = [Path(sysconfig.get_path("scripts")) / program, *arguments]
    print(subprocess.run(words, cwd=folder, check=True, capture_output=True, text=True).stdout)


shell("eie profile digits.so --input test.npy")

# %%
# Read the first table from left to right:
#
# *cycles* are exact, and an average over the 200 images: zeros in an image are skipped, so each
# takes its own number. *us*, microseconds, follow from the clock of 800 MHz.
#
# *load balance* is the share of its time in which a PE takes in a weight. The machine has 64
# PEs, which share a layer's outputs. ``hidden`` has 100, one or two for each PE; for ``classes``
# with its 10, most have nothing to do. Large layers fill the machine far better.
#
# *padding* are entries that carry no weight, because too many zeros lay between two weights; *nJ*
# is counted events times the energy of each (:doc:`/energy`). *load cycles* are those in which
# inputs come in and results go out. Weights are loaded once, as the line below the table says.
#
# The second table says what the PEs did in all those cycles. *multiply* is useful work. *empty*
# is a column of the weights, that is an input, of which this PE has none; more outputs or a
# higher density would help. *waiting* is for other PEs, whose queues are full. All seven kinds
# are explained in :doc:`/cycles`.
#
# The third table splits the energy of computing; the memories, *SRAM*, take most of it. *DRAM*
# stands beside it: here that is what it costs to bring the image in. Had the weights to come from
# there for each image, too, it would be far more: that they fit into SRAM is EIE's point.
#
# How much can be pruned?
# -----------------------
#
# Try and see. Pruning more saves cycles until accuracy gives way, here rather early: this network
# was trained on few images, and nothing was trained after pruning.

import matplotlib.pyplot as plt

from eie_backend.show.drawing import COLORS, STYLE

plt.rcParams.update(STYLE)
densities = [0.8, 0.4, 0.2, 0.1]
found = []
for density in densities:
    recipe = eie.Recipe(density=density)
    pruned = eie.profile(eie.compile(mod, recipe=recipe, calibration=x_train[:100]), x_test)
    cycles = sum(layer.cycles_per_sample for layer in pruned.layers)
    found.append((cycles, accuracy(pruned.outputs[0])))

cycles, accuracies = np.array(found).T
figure, axes = plt.subplots(figsize=(5, 3.2), layout="constrained")
axes.plot(cycles, 100 * accuracies, "o-", color=COLORS[0])
for density, at, value in zip(densities, cycles, accuracies, strict=True):
    axes.annotate(f"{density:g}", (at, 100 * value), textcoords="offset points", xytext=(6, -9))
axes.margins(0.1)
axes.axhline(100 * on_this_cpu, color="0.4", linestyle="--", linewidth=0.8)
axes.set(
    xlabel="cycles per image",
    ylabel="accuracy (%)",
    title="Labels: density. Dashed: float32, nothing pruned",
)
plt.show()

# %%
# The whole of it from a shell
# ----------------------------
#
# With a model and samples of your own, no Python is needed:
#
# .. code-block:: none
#
#    eie explain digits.onnx --bind batch=1
#    eie compile digits.onnx -o digits.so --density 0.4 --calibrate train.npy --bind batch=1
#    eie profile digits.so --input test.npy
#    eie report digits.so --input test.npy --labels labels.npy -o report.html
#
# The last one writes everything that is known about this run into one page, which opens in any
# browser and works offline: what ran where, the tables above for sorting, where each PE spent its
# cycles, the weights before and after, and the program. In a notebook, a report shows its tables by
# itself:

report

# %%
# Where to go from here: what the compiler did to your network, :doc:`level by level
# <02_level_by_level>`; fewer weights at the same accuracy, :doc:`prune, share, retrain
# <03_prune_share_retrain>`; and what another machine would do with it, :doc:`the design space
# <07_design_space>`.
