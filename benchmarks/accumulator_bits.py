"""How wide the destination registers must be: accuracy of LeNet-300-100 with 16 and 32 bits.

``python benchmarks/accumulator_bits.py`` runs all 10,000 test images of
``../shared/data/mnist`` beside the checkout on the simulator for several densities and writes
``benchmarks/results/accumulator_bits.json`` (one minute). All of it is exact. The default of
`HardwareConfig.accumulator_bits` is the narrower width that stays within 0.05 points of float32
arithmetic at every density.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import eie_backend as eie
from eie_backend.cli.demo import BATCH, CALIBRATION_SAMPLES, accuracy, lenet
from eie_backend.profiler import Report

sys.path.insert(0, str(Path(__file__).parent))
from record import MNIST, record

DENSITIES = (1.0, 0.3, 0.2, 0.1, 0.08)
ALLOWED_POINTS = 0.05


def main() -> None:
    """Measure, print and write the result."""
    if not MNIST.exists():
        print(f"skipped: no {MNIST}")
        return
    with np.load(MNIST, allow_pickle=False) as data:
        images = data["x_test"][:, None].astype(np.float32) / np.float32(255)
        labels = data["y_test"]
        # Formats come from training images, so the test says what an unseen image would.
        samples = data["x_train"][:CALIBRATION_SAMPLES, None].astype(np.float32) / np.float32(255)
    model = eie.from_onnx(lenet(), {"batch": BATCH})

    def run(density: float, **options: object) -> tuple[float, Report]:
        bits = int(options.pop("accumulator_bits", 32))
        executable = eie.compile(
            model,
            eie.HardwareConfig(accumulator_bits=bits),
            recipe=eie.Recipe(density=density),
            calibration=samples,
            **options,
        )
        report = eie.profile(executable, images)
        return 100 * accuracy(report.outputs[0], labels), report

    rows = []
    for density in DENSITIES:
        reference, _ = run(density, arithmetic="float32")
        row: dict[str, object] = {"density": density, "float32_percent": round(reference, 2)}
        for bits in (16, 32):
            percent, report = run(density, accumulator_bits=bits)
            row[f"int16_acc{bits}_percent"] = round(percent, 2)
            row[f"int16_acc{bits}_saturations"] = report.saturations["accumulator_saturations"]
        rows.append(row)
        print(row)
    holds = {
        bits: all(
            row["float32_percent"] - row[f"int16_acc{bits}_percent"] <= ALLOWED_POINTS
            for row in rows
        )
        for bits in (16, 32)
    }
    record("accumulator_bits", {"rows": rows, "within_allowed_points": holds}, {})


if __name__ == "__main__":
    main()
