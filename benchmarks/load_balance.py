"""Cycles with a layer's outputs as they are and reordered: `balance` off, on and auto.

``python benchmarks/load_balance.py [ALEX8.npz]`` writes ``benchmarks/results/load_balance.json``.
Cycles are those of the compiled programs and exact. LeNet-300-100 is measured on 1,000 test
digits, the first 100 of which choose the orders; the other layers on the input that chooses them.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tvm import IRModule, relax

import eie_backend as eie
from eie_backend import HardwareConfig
from eie_backend.cli.demo import BATCH, CALIBRATION_SAMPLES, digits, lenet

sys.path.insert(0, str(Path(__file__).parent))
from environment import environment
from layers import ALEX8, alex8, random_layer

RESULT = Path(__file__).parent / "results" / "load_balance.json"
MODES = ("off", "on", "auto")
CONFIG = HardwareConfig()


def measure(
    mod: IRModule,
    calibration: NDArray[np.float32],
    x: NDArray[np.float32],
    **options: object,
) -> dict[str, object]:
    """Return cycles and load balance per layer and mode, per sample."""
    found: dict[str, object] = {}
    totals, outputs = {}, {}
    for mode in MODES:
        start = time.process_time()
        compiled = eie.compile(mod, CONFIG, calibration=calibration, balance=mode, **options)
        seconds = time.process_time() - start
        report = eie.profile(compiled, x)
        totals[mode] = sum(layer.counters["cycles"] for layer in report.layers) / len(x)
        outputs[mode] = report.outputs[0].tobytes()
        found[mode] = {
            "cycles": {layer.name: round(layer.cycles_per_sample, 1) for layer in report.layers},
            "load_balance": {layer.name: round(layer.load_balance, 3) for layer in report.layers},
            "all_cycles": round(totals[mode], 1),
            "compile_cpu_seconds": round(seconds, 1),
        }
    assert len(set(outputs.values())) == 1, "an order changed a result"
    return {**found, "off_over_auto": round(totals["off"] / totals["auto"], 3)}


def one_layer(weights: NDArray[np.float32], batch: int) -> IRModule:
    """Return a module that multiplies with `weights` (outputs, inputs)."""
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType((batch, weights.shape[1]), "float32"))
    with builder.function("main", [x]):
        with builder.dataflow():
            matrix = relax.const(np.ascontiguousarray(weights.T))
            result = builder.emit_output(relax.op.matmul(x, matrix), "fc")
        builder.emit_func_output(result)
    return builder.get()


def uneven_rows(spread: float, seed: int = 0) -> tuple[IRModule, NDArray[np.float32]]:
    """Return a layer of AlexNet's size whose rows keep log-normal shares of 9 % on average."""
    rng = np.random.default_rng(seed)
    layer = random_layer(4096, 4096, 1.0, 0.35, seed)
    shares = rng.lognormal(0, spread, (4096, 1))
    kept = rng.random((4096, 4096), np.float32) < np.minimum(0.09 * shares / shares.mean(), 1)
    return one_layer(layer.codebook[layer.codes * kept], 1), layer.x[None]


def main() -> None:
    """Measure, print and write the result."""
    images, _ = digits()
    result = {
        "environment": environment(),
        "lenet_300_100_density_0.15": measure(
            eie.from_onnx(lenet(), {"batch": BATCH}),
            images[:CALIBRATION_SAMPLES],
            images,
            recipe=eie.Recipe(density=0.15),
        ),
    }
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ALEX8
    if path.exists():
        layer = alex8(path)
        mod = one_layer(layer.codebook[layer.codes], 1)
        result["alex8"] = measure(mod, layer.x[None], layer.x[None])
    for spread in (0.0, 0.5, 1.0, 2.0):
        mod, x = uneven_rows(spread)
        result[f"4096x4096_density_0.09_rows_lognormal_{spread}"] = measure(mod, x, x)
    text = json.dumps(result, indent=2)
    print(text)
    RESULT.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
