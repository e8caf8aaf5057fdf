"""The script in the classic style runs, and gives ONNX Runtime's answers."""

import runpy
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

SCRIPT = Path(__file__).parents[2] / "tutorials" / "11_classic_api.py"


def test_the_classic_script_classifies_as_onnx_runtime_does():
    ran = runpy.run_path(str(SCRIPT))
    session = onnxruntime.InferenceSession(ran["model"].SerializeToString())
    assert isinstance(ran["model"], onnx.ModelProto)
    (expected,) = session.run(None, {"image": ran["images"]})
    assert ran["scores"].shape == expected.shape == (100, 10)
    assert (np.argmax(ran["scores"], axis=1) == np.argmax(expected, axis=1)).mean() >= 0.99


def test_the_script_uses_nothing_but_the_classic_calls():
    text = SCRIPT.read_text("utf-8")
    for call in ("relay.build(", "export_library(", "set_input(", "run()", "get_output("):
        assert call in text
