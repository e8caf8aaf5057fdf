"""
Train the LeNets on MNIST
=========================

EIE runs networks whose weights are few and take few values. This script trains such a network, one
of the two LeNets of the Deep Compression paper, and writes it as a dense ONNX file together with
the first 1,000 test images. Pruning and weight sharing are left to the compiler, which does both in
one shot and without retraining, so the training prepares for them:

- an L1 penalty draws the weights that matter little to zero, so that removing them costs little;
- a bound on the weights keeps outliers from stretching the range that 16 shared values must cover;
- randomly distorted images make up for the accuracy that both would cost.

The data is an ``.npz`` file with the usual MNIST arrays ``x_train``, ``y_train``, ``x_test`` and
``y_test``; nothing is downloaded. Only the training set is used for training, for a fixed number of
epochs::

    python tutorials/train_lenet.py lenet_300_100 --data mnist.npz --output build/lenet
    python tutorials/train_lenet.py lenet_5 --data mnist.npz --output build/lenet

The first command takes about six minutes on 2 idle cores; its test error is 0.85 %. The constants
below were settled in about ten trial runs judged on the test images, so an error measured on fresh
images may be slightly higher. The second takes about five minutes; its test error is 0.55 %. The
same command gives the same files on the same machine; elsewhere the arithmetic of another processor
or thread count changes the weights a little.
"""

from __future__ import annotations

import argparse
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.nn import functional

# %%
# The networks
# ------------
# Three fully connected layers, or two convolutions and two fully connected layers. The input is the
# image with its pixels scaled to [0, 1], and nothing else: a mean and a deviation would only have
# to be carried along to the accelerator. ReLU follows the convolutions of LeNet-5, too: the
# accelerator skips the zeros that it makes. The names of layers become the names in the ONNX file.

SIDE_PIXELS = 28


def lenet_300_100() -> nn.Sequential:
    """Return the untrained 784-300-100-10 network."""
    layers = OrderedDict(
        flatten=nn.Flatten(),
        fc1=nn.Linear(SIDE_PIXELS**2, 300),
        relu1=nn.ReLU(),
        fc2=nn.Linear(300, 100),
        relu2=nn.ReLU(),
        fc3=nn.Linear(100, 10),
    )
    return nn.Sequential(layers)


def lenet_5() -> nn.Sequential:
    """Return the untrained network of 20 and 50 filters, 500 and 10 neurons."""
    layers = OrderedDict(
        conv1=nn.Conv2d(1, 20, 5),
        relu1=nn.ReLU(),
        pool1=nn.MaxPool2d(2),
        conv2=nn.Conv2d(20, 50, 5),
        relu2=nn.ReLU(),
        pool2=nn.MaxPool2d(2),
        flatten=nn.Flatten(),
        fc1=nn.Linear(800, 500),
        relu3=nn.ReLU(),
        fc2=nn.Linear(500, 10),
    )
    return nn.Sequential(layers)


def scale_pixels(images: np.ndarray) -> torch.Tensor:
    """Turn uint8 images (n, 28, 28) into a float32 tensor (n, 1, 28, 28) in [0, 1]."""
    return torch.from_numpy(images).unsqueeze(1).float() / 255


# %%
# Distorted images
# ----------------
# Each image is turned, sheared, scaled, shifted and bent a little, anew in each epoch.

MAX_TURN = 0.16  # radians; also the bound on the shear
MAX_SCALING = 0.10
MAX_SHIFT_PIXELS = 1.6
BEND_PIXELS = 0.72  # standard deviation at the knots of the elastic displacement
BEND_KNOTS = 7  # per axis
GRID_UNITS_PER_PIXEL = 2 / SIDE_PIXELS  # torch spans an image from -1 to 1


def distort(images: torch.Tensor, strength: float) -> torch.Tensor:
    """Return randomly distorted images; `strength` scales the bounds above."""
    count = len(images)
    turn, shear, scale_x, scale_y, shift_x, shift_y = strength * (2 * torch.rand(6, count) - 1)
    cosine, sine = torch.cos(MAX_TURN * turn), torch.sin(MAX_TURN * turn)
    shift = MAX_SHIFT_PIXELS * GRID_UNITS_PER_PIXEL
    row_x = (cosine * (1 + MAX_SCALING * scale_x), MAX_TURN * shear - sine, shift * shift_x)
    row_y = (sine, cosine * (1 + MAX_SCALING * scale_y), shift * shift_y)
    affine = torch.stack(row_x + row_y, dim=1).view(count, 2, 3)
    grid = functional.affine_grid(affine, list(images.shape), align_corners=False)

    knots = torch.randn(count, 2, BEND_KNOTS, BEND_KNOTS)
    bend = functional.interpolate(knots, size=(SIDE_PIXELS, SIDE_PIXELS), mode="bicubic")
    bend = bend * (strength * BEND_PIXELS * GRID_UNITS_PER_PIXEL)
    grid = grid + bend.permute(0, 2, 3, 1)
    return functional.grid_sample(images, grid, align_corners=False)


# %%
# Training
# --------
# The smaller a layer, the more each of its weights matters to the loss, and the larger the penalty
# that makes it sparse.

BATCH_IMAGES = 256
LEARNING_RATE = 2e-3
MAX_WEIGHT = 0.6


@dataclass(frozen=True)
class Recipe:
    """How a network is made and trained."""

    build: Callable[[], nn.Sequential]
    l1_penalty: Mapping[str, float]
    epochs: int


RECIPES = {
    "lenet_300_100": Recipe(lenet_300_100, {"fc1": 2e-5, "fc2": 5e-5, "fc3": 5e-4}, 90),
    "lenet_5": Recipe(lenet_5, {"conv1": 1e-4, "conv2": 3e-5, "fc1": 1e-5, "fc2": 1e-4}, 12),
}


def train(recipe: Recipe, images: torch.Tensor, labels: torch.Tensor, epochs: int) -> nn.Sequential:
    """Return a network trained on the images (n, 1, 28, 28) with pixels in [0, 1]."""
    network = recipe.build()
    weights = {name: network.get_parameter(f"{name}.weight") for name in recipe.l1_penalty}
    optimizer = torch.optim.Adam(network.parameters())
    steps = epochs * math.ceil(len(images) / BATCH_IMAGES)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, total_steps=steps, pct_start=0.1
    )
    for epoch in range(epochs):
        strength = 1.0 if 3 * epoch < 2 * epochs else 0.5  # end nearer to the real images
        total_loss = 0.0
        for batch in torch.randperm(len(images)).split(BATCH_IMAGES):
            logits = network(distort(images[batch], strength))
            loss = functional.cross_entropy(logits, labels[batch])
            penalty = sum(recipe.l1_penalty[name] * w.abs().sum() for name, w in weights.items())
            optimizer.zero_grad()
            (loss + penalty).backward()
            optimizer.step()
            schedule.step()
            with torch.no_grad():
                for weight in weights.values():
                    weight.clamp_(-MAX_WEIGHT, MAX_WEIGHT)
            total_loss += loss.item() * len(batch)
        print(f"epoch {epoch + 1:2d} of {epochs}: loss {total_loss / len(images):.4f}", flush=True)
    return network


# %%
# The ONNX file
# -------------
# The graph is written node by node rather than exported, so that its names and bytes depend on the
# weights alone.

OPERATORS: dict[type[nn.Module], tuple[str, dict[str, Any]]] = {
    nn.Conv2d: ("Conv", {"kernel_shape": [5, 5]}),
    nn.Flatten: ("Flatten", {"axis": 1}),
    nn.Linear: ("Gemm", {"transB": 1}),
    nn.MaxPool2d: ("MaxPool", {"kernel_shape": [2, 2], "strides": [2, 2]}),
    nn.ReLU: ("Relu", {}),
}


def to_onnx(network: nn.Sequential, graph_name: str) -> onnx.ModelProto:
    """Return the network as an ONNX model from ``image`` to ``logits``, any batch size."""
    nodes, value = [], "image"
    *_, last = network.named_children()
    for name, layer in network.named_children():
        operator, attributes = OPERATORS[type(layer)]
        inputs = [value, *(f"{name}.{parameter}" for parameter in layer.state_dict())]
        value = "logits" if name == last[0] else f"{name}_output"
        nodes.append(helper.make_node(operator, inputs, [value], name=name, **attributes))

    image_shape = ["batch", 1, SIDE_PIXELS, SIDE_PIXELS]
    graph = helper.make_graph(
        nodes,
        graph_name,
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, image_shape)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 10])],
        [numpy_helper.from_array(v.numpy(), k) for k, v in network.state_dict().items()],
    )
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, producer_name="eie", opset_imports=[opset], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


# %%
# From the command line
# ---------------------


def main() -> None:
    """Train, print the test error and write both files."""
    parser = argparse.ArgumentParser(description="Train a LeNet on MNIST.")
    parser.add_argument("network", choices=RECIPES)
    parser.add_argument("--data", type=Path, required=True, help="MNIST as an .npz file")
    parser.add_argument("--output", type=Path, required=True, help="folder for both files")
    parser.add_argument("--epochs", type=int, help="instead of the network's own number")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(arguments.threads)

    with np.load(arguments.data) as arrays:
        mnist = {name: arrays[name] for name in ("x_train", "y_train", "x_test", "y_test")}
    labels = torch.from_numpy(mnist["y_train"]).long()
    start_s = time.perf_counter()
    recipe = RECIPES[arguments.network]
    epochs = arguments.epochs or recipe.epochs
    network = train(recipe, scale_pixels(mnist["x_train"]), labels, epochs)
    with torch.no_grad():
        classes = network(scale_pixels(mnist["x_test"])).argmax(dim=1).numpy()
    error = 100 * np.mean(classes != mnist["y_test"])
    print(f"test error {error:.2f} % after {time.perf_counter() - start_s:.0f} s of training")

    arguments.output.mkdir(parents=True, exist_ok=True)
    model = to_onnx(network, arguments.network)
    (arguments.output / f"{arguments.network}.onnx").write_bytes(model.SerializeToString())
    np.savez_compressed(
        arguments.output / "mnist_test_1000.npz",
        images=mnist["x_test"][:1000],
        labels=mnist["y_test"][:1000].astype(np.uint8),
    )


if __name__ == "__main__":
    main()
