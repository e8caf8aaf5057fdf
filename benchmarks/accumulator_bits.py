"""Width of the destination registers: accuracy of LeNet-300-100 with 16 and 32 bits.

``python benchmarks/accumulator_bits.py`` runs all 10,000 test images of
``../shared/data/mnist`` next to the checkout on the simulator for several densities and writes
``benchmarks/results/accumulator_bits.json`` (one minute). All numbers are exact. The default of
`HardwareConfig.accumulator_bits` is the narrower width that stays within 0.05 points of float32
arithmetic at every density.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tvm import IRModule

import eie_backend as eie
from eie_backend.cli.demo import BATCH, CALIBRATION_SAMPLES, accuracy, lenet
from eie_backend.machine.choices import Arithmetic
from eie_backend.profiler import Report

sys.path.insert(0, str(Path(__file__).parent))
from record import MNIST, record

DENSITIES = (1.0, 0.3, 0.2, 0.1, 0.08)
ALLOWED_POINTS = 0.05

Images = NDArray[np.float32]


@cache
def task() -> tuple[IRModule, Images, Images, NDArray[np.uint8]]:
    """Return the network, calibration images, test images and their labels."""
    with np.load(MNIST, allow_pickle=False) as data:
        # Formats come from training images, so that test images are unseen.
        samples, images = (
            part[:, None].astype(np.float32) / np.float32(255)
            for part in (data["x_train"][:CALIBRATION_SAMPLES], data["x_test"])
        )
        return eie.from_onnx(lenet(), {"batch": BATCH}), samples, images, data["y_test"]


def run(density: float, bits: int, arithmetic: Arithmetic = "int16") -> tuple[float, Report]:
    """Return the accuracy in percent, and the profile."""
    model, samples, images, labels = task()
    executable = eie.compile(
        model,
        eie.HardwareConfig(accumulator_bits=bits),
        recipe=eie.Recipe(density=density),
        calibration=samples,
        arithmetic=arithmetic,
    )
    report = eie.profile(executable, images)
    return 100 * accuracy(report.outputs[0], labels), report


def row(density: float) -> dict[str, object]:
    """Return accuracy and saturations at a density."""
    reference, _ = run(density, 32, "float32")
    found: dict[str, object] = {"density": density, "float32_percent": round(reference, 2)}
    for bits in (16, 32):
        percent, report = run(density, bits)
        found[f"int16_acc{bits}_percent"] = round(percent, 2)
        found[f"int16_acc{bits}_saturations"] = report.saturations["accumulator_saturations"]
    return found


def main() -> None:
    """Measure, print and write the result."""
    if not MNIST.exists():
        print(f"skipped: no {MNIST}")
        return
    rows = [row(density) for density in DENSITIES]
    holds = {
        bits: all(
            found["float32_percent"] - found[f"int16_acc{bits}_percent"] <= ALLOWED_POINTS
            for found in rows
        )
        for bits in (16, 32)
    }
    record("accumulator_bits", {"rows": rows, "within_allowed_points": holds}, {})


if __name__ == "__main__":
    main()
