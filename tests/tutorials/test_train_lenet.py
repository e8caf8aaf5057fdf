"""The training script of the shipped networks, in miniature."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import eie_backend as eie

SCRIPT = Path(__file__).parents[2] / "tutorials" / "train_lenet.py"


@pytest.mark.torch
@pytest.mark.parametrize(
    ("network", "layers"),
    [("lenet_300_100", ["fc1", "fc2", "fc3"]), ("lenet_5", ["conv1", "conv2", "fc1", "fc2"])],
)
def test_script_writes_a_model_that_compiles_and_the_first_images(tmp_path, network, layers):
    pytest.importorskip("torch", reason="needs the extra `torch`")
    rng = np.random.default_rng(0)
    arrays = {
        "x_train": rng.integers(0, 256, (300, 28, 28), np.uint8),
        "y_train": rng.integers(0, 10, 300, np.uint8),
        "x_test": rng.integers(0, 256, (1200, 28, 28), np.uint8),
        "y_test": rng.integers(0, 10, 1200, np.uint8),
    }
    np.savez(tmp_path / "mnist.npz", **arrays)
    command = [sys.executable, SCRIPT, network, "--data", "mnist.npz", "--output", "out"]
    subprocess.run([*command, "--epochs", "1"], cwd=tmp_path, check=True, capture_output=True)
    with np.load(tmp_path / "out" / "mnist_test_1000.npz") as shipped:
        assert np.array_equal(shipped["images"], arrays["x_test"][:1000])
        assert np.array_equal(shipped["labels"], arrays["y_test"][:1000])
    model = eie.from_onnx(tmp_path / "out" / f"{network}.onnx", {"batch": 2})
    images = arrays["x_test"][:2, None].astype(np.float32) / np.float32(255)
    report = eie.profile(eie.compile(model, calibration=images), images)
    assert report.outputs[0].shape == (2, 10)
    assert [layer.name for layer in report.layers] == layers
