"""The shipped compressed LeNets, and the committed results of ``benchmarks/lenet.py``."""

import json
from importlib.resources import files

import numpy as np
import onnxruntime
import pytest

import eie_backend as eie
from eie_backend.cli.demo import digits
from eie_backend.storage.accounting import total
from eie_backend.storage.container import read_eiez

DATA = files("eie_backend") / "data"
AIMED = {"lenet_300_100": 64, "lenet_5": 100}
"""Rates in the paper's way of counting at the float network's error."""

networks = pytest.mark.parametrize("network", AIMED)


@networks
def test_results_are_as_small_as_the_paper_and_as_accurate_as_float(network):
    """Source: Deep Compression, table 1; 0.05 points are 5 of the 10,000 test images."""
    found = json.loads((DATA / f"{network}.json").read_text("utf-8"))
    rate, paper_error = found["paper"]["rate"], found["paper"]["float_error_percent"]
    float_error, rows = found["float_error_percent"], found["rows"]
    assert float_error <= paper_error
    assert rows["as the paper"]["paper_rate"] >= rate
    assert rows["as the paper"]["test_error_percent"] <= float_error
    assert rows["float error"]["paper_rate"] >= AIMED[network]
    assert rows["float error"]["test_error_percent"] <= float_error
    assert rows["paper error"]["paper_rate"] > rows["float error"]["paper_rate"]
    assert rows["paper error"]["test_error_percent"] <= paper_error
    for row in rows.values():
        machine = row["machine"]["test_error_percent"]
        assert machine == pytest.approx(row["test_error_percent"], abs=0.0501)


@networks
def test_the_shipped_network_is_that_of_the_results(network):
    contents = read_eiez(DATA / f"{network}.eiez")
    row = json.loads((DATA / f"{network}.json").read_text("utf-8"))["rows"]["float error"]
    layers = total(contents.layers.values())
    assert layers.nonzeros == row["layers"]["all"]["nonzeros"]
    assert contents.metadata["test_error_percent"] == row["test_error_percent"]
    assert contents.file_bytes == row["file_bytes"] < 25_000
    assert layers.rate(layers.paper_huffman_bits) >= AIMED[network]
    assert max(layer.values for layer in contents.layers.values()) <= 15  # as the machine decodes


@networks
def test_the_shipped_network_runs_on_the_machine_as_it_is(network):
    images, labels = (part[:100] for part in digits())
    path = DATA / f"{network}.eiez"
    session = onnxruntime.InferenceSession(eie.load_eiez(path).SerializeToString())
    (expected,) = session.run(None, {"image": images})
    compiled = eie.compile(eie.from_onnx(path, {"batch": 100}), calibration=images, strict=True)
    report = eie.profile(compiled, images)
    assert len(report.layers) == len(read_eiez(path).layers)
    found = report.outputs[0].argmax(axis=1)
    assert np.count_nonzero(found != expected.argmax(axis=1)) <= 1
    assert np.count_nonzero(found != labels) <= 2


def test_lenet_300_100_on_all_test_images(mnist):
    images = (mnist["x_test"][:, None] / np.float32(255)).astype(np.float32)
    calibration = (mnist["x_train"][:1000, None] / np.float32(255)).astype(np.float32)
    mod = eie.from_onnx(DATA / "lenet_300_100.eiez", {"batch": 100})
    (outputs,) = eie.run(eie.compile(mod, calibration=calibration), images)
    error = 100 * np.mean(outputs.argmax(axis=1) != mnist["y_test"])
    found = json.loads((DATA / "lenet_300_100.json").read_text("utf-8"))["rows"]["float error"]
    assert error == pytest.approx(found["machine"]["test_error_percent"], abs=1e-6)
