"""LeNet-5 on MNIST, trained by tutorials/train_lenet.py: convolutions and dense layers at work."""

from importlib.resources import files

import numpy as np
import onnxruntime
import pytest

import eie_backend as eie
from eie_backend.machine.timing import PIPELINE_EDGES

DATA = files("eie_backend") / "data"
RECIPE = eie.Recipe(density={"conv1": 0.8, "conv2": 0.3, "fc1": 0.15, "fc2": 0.4})


@pytest.fixture(scope="module")
def digits():
    """Return the last 400 test images and their labels."""
    with np.load(DATA / "mnist_test_1000.npz", allow_pickle=False) as data:
        images = data["images"][-400:, None].astype(np.float32) / np.float32(255)
        return images, data["labels"][-400:]


@pytest.fixture(scope="module")
def report(digits):
    images, _ = digits
    mod = eie.from_onnx(DATA / "lenet_5.onnx", {"batch": 100})
    return eie.profile(eie.compile(mod, recipe=RECIPE, calibration=images), images)


def test_compression_and_fixed_point_keep_the_accuracy(report, digits):
    images, labels = digits
    session = onnxruntime.InferenceSession(DATA / "lenet_5.onnx")
    (logits,) = session.run(None, {"image": images})
    in_float = np.mean(logits.argmax(axis=1) == labels)
    on_machine = np.mean(report.outputs[0].argmax(axis=1) == labels)
    assert in_float == 0.9925
    assert on_machine >= 0.99
    assert not any(report.saturations.values())


def test_every_layer_has_its_cycles(report):
    layers = {layer.name: layer for layer in report.layers}
    vectors = {"conv1": 24 * 24, "conv2": 8 * 8, "fc1": 1, "fc2": 1}
    assert {name: layer.vectors for name, layer in layers.items()} == vectors
    assert all(layer.samples == 400 for layer in report.layers)
    # A scan takes an edge per row of inputs at least, and those of the pipeline.
    assert layers["conv1"].cycles_per_sample > vectors["conv1"] * (1 + PIPELINE_EDGES)
    assert all(layer.cycles_per_sample > 0 for layer in report.layers)
