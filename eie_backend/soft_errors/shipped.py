"""The shipped LeNets, compiled for trials."""

from __future__ import annotations

from importlib.resources import as_file, files
from typing import Any

from eie_backend.compiler import compile
from eie_backend.frontend import from_onnx
from eie_backend.simulator.runner import Runner
from eie_backend.storage.container import read_eiez

SHIPPED = {"lenet_300_100": "LeNet-300-100", "lenet_5": "LeNet-5"}
BATCH = 100


def shipped_runner(name: str, calibration: Any) -> Runner:
    """Return a shipped network on the paper's machine.

    Parameters
    ----------
    name : {"lenet_300_100", "lenet_5"}
    calibration : ndarray, shape (a multiple of 100, 1, 28, 28), float32
        Digits that choose the fixed-point scales.
    """
    with as_file(files("eie_backend") / "data" / f"{name}.eiez") as path:
        model = read_eiez(path).model
    mod = from_onnx(model, {"batch": BATCH})
    return Runner(compile(mod, calibration=calibration))
