"""Hostile constants: no signal, no value from elsewhere, a sentence for each that is refused."""

import numpy as np
import onnxruntime
import pytest
from commands import LINES
from hostile_models import models
from runs import command_fault, rows, written

EVERY = 12
"""On each change, one model of so many; at night all."""


def of_onnx_runtime(data):
    onnxruntime.set_default_logger_severity(4)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": np.ones((1, 4), np.float32)})[0].ravel()


def check(chosen, folder):
    paths = written(chosen, folder)
    outcomes = rows("child.py", [*paths.values()])
    found = {name: outcomes[path] for name, path in paths.items()}
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


@pytest.mark.parametrize("every", [4 * EVERY, pytest.param(1, marks=pytest.mark.nightly)])
def test_commands(every, tmp_path):
    """Each command opens some of them, which are all of them together."""
    tasks = []
    for number, path in enumerate([*written(models(), tmp_path).values()][::every]):
        tasks.append(f"{path}/{[*LINES][number % len(LINES)]}")
    found = rows("commands.py", tasks)
    assert {task: row for task, row in found.items() if command_fault(row)} == {}
    assert 0 < sum(row["code"] == 2 for row in found.values()) < len(tasks)
