"""Hostile constants: no signal, no value from elsewhere, a sentence for each that is refused."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from hostile_models import models

CHILD = Path(__file__).with_name("child.py")
EVERY = 12
"""On each change, one model of so many; at night all."""


def outcomes(chosen, folder):
    """Return what came of each model, in processes of their own; "signal" where one ended."""
    paths = {name: str(folder / f"{number}.onnx") for number, name in enumerate(chosen)}
    for name, path in paths.items():
        Path(path).write_bytes(chosen[name])
    found = {}
    while left := [path for path in paths.values() if path not in found]:
        done = subprocess.run(
            [sys.executable, CHILD, *left], capture_output=True, text=True, check=False
        )
        rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        assert rows, done.stderr
        found |= {row.pop("path"): row for row in rows}
    return {name: found[path] for name, path in paths.items()}


def of_onnx_runtime(data):
    onnxruntime.set_default_logger_severity(4)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": np.ones((1, 4), np.float32)})[0].ravel()


def check(chosen, folder):
    found = outcomes(chosen, folder)
    assert {name: row for name, row in found.items() if {"signal", "fault"} & {*row}} == {}
    refused = {name for name, row in found.items() if "refused" in row}
    for name in refused:
        message = found[name]["refused"]
        assert message.startswith(("ModelError: ", "InputError: ")), (name, message)
        assert "\n" not in message, name
    wrong = {}
    for name in {*found} - refused:
        try:
            expected = of_onnx_runtime(chosen[name])
        except Exception as error:
            wrong[name] = f"ONNX Runtime refuses: {error}"[:200]
            continue
        if not np.allclose(found[name]["values"], expected, rtol=1e-4, equal_nan=True):
            wrong[name] = f"{found[name]['values']}, ONNX Runtime {expected.tolist()}"
    assert wrong == {}
    return found


def test_hostile_constants(tmp_path):
    chosen = models()
    assert len(chosen) >= 200
    check(dict([*chosen.items()][::EVERY]), tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("part", range(EVERY))
def test_all_hostile_constants(part, tmp_path):
    check(dict([*models().items()][part::EVERY]), tmp_path)
