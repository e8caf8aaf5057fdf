"""The script in the classic style runs, and gives ONNX Runtime's answers."""

import re
import runpy
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

import eie_backend as eie

SCRIPT = Path(__file__).parents[2] / "tutorials" / "11_classic_api.py"


@pytest.fixture(scope="module")
def ran():
    return runpy.run_path(str(SCRIPT))


def test_the_classic_script_classifies_as_onnx_runtime_does(ran):
    session = onnxruntime.InferenceSession(ran["model"].SerializeToString())
    (expected,) = session.run(None, {"image": ran["images"]})
    assert ran["scores"].shape == expected.shape == (100, 10)
    assert (np.argmax(ran["scores"], axis=1) == np.argmax(expected, axis=1)).mean() >= 0.99


def test_its_layers_ran_on_the_machine(ran):
    report = eie.profile(ran["path"], ran["images"])
    assert [layer.name for layer in report.layers] == ["fc1", "fc2", "fc3"]
    assert report.outputs[0].tobytes() == ran["scores"].tobytes()


def test_the_script_without_its_changes_is_one_for_relay():
    """Every change is marked, and what was there before is Relay's."""
    was = re.findall(r"# was: (.*)", SCRIPT.read_text("utf-8"))
    assert was == [
        "from tvm import relay",
        "from tvm.contrib import graph_executor",
        "tvm.runtime.load_module(path)",
        "tvm.nd.array(images)",
    ]
