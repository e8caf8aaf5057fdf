"""Load balance: cycles with load-balance-aware pruning, reordered outputs, both, and neither.

``python benchmarks/load_balance.py`` writes ``benchmarks/results/load_balance.json`` (minutes).
Cycles are those of the compiled programs, and exact: the same on any computer.

* Both LeNets are pruned in one shot and run 1,000 test digits, the first 100 of which choose the
  orders.
* The nine layers of the EIE paper's Table III are drawn at random: Gaussian weights times a factor
  per row, log-normal with the spreads of `SPREADS`; and inputs that are zero independently of each
  other. `INPUTS` inputs choose the order, as many others are measured.
* Alex-8, if it is in ``../shared/data`` next to the checkout, is also measured as published by its
  authors, on its one input. The values of its pruned weights are unknown; they are drawn uniformly
  below the smallest remaining weight.
"""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tvm import relax

import eie_backend as eie
from eie_backend import HardwareConfig, Recipe, encode
from eie_backend.cli.demo import BATCH, CALIBRATION_SAMPLES, accuracy, digits
from eie_backend.compress.prune import kept
from eie_backend.lower.schedule import layer_tiles
from eie_backend.simulator import simulate_batch
from eie_backend.tuning.row_orders import row_orders
from eie_backend.workloads import TABLE_III, read_alex8

sys.path.insert(0, str(Path(__file__).parent))
from record import ALEX8, record

CONFIG = HardwareConfig()
VARIANTS = {
    "neither": ("magnitude", "off"),
    "pruning": ("balanced", "off"),
    "permutation": ("magnitude", "auto"),
    "both": ("balanced", "auto"),
}
LENETS = {
    "lenet_300_100": {"fc*": 0.15},
    "lenet_5": {"conv1": 0.8, "conv2": 0.3, "fc1": 0.15, "fc2": 0.4},
}
SPREADS = (0.0, 0.07, 0.5)
"""Even rows; rows whose numbers of weights vary as those of the real Alex-8 (by 13 %); uneven."""

INPUTS = 4


def main() -> None:
    """Measure, print and write the result."""
    check_with_a_compiled_program()
    exact = {name: lenet(name, density) for name, density in LENETS.items()}
    if ALEX8.exists():
        exact["Alex-8 as published"] = real_alex8()
    for seed, name in enumerate(TABLE_III):
        for spread in SPREADS:
            exact[f"{name} rows log-normal {spread}"] = table_iii(name, spread, seed)
    record("load_balance", exact, {})


def lenet(name: str, density: dict[str, float]) -> dict[str, object]:
    """Return cycles per sample, load balance and accuracy of a shipped network by variant."""
    images, labels = digits()
    mod = eie.from_onnx(files("eie_backend") / "data" / f"{name}.onnx", {"batch": BATCH})
    found: dict[str, object] = {"density": density}
    totals, outputs = {}, {}
    for variant, (method, balance) in VARIANTS.items():
        recipe = Recipe(density=density, method=method)
        samples = images[:CALIBRATION_SAMPLES]
        compiled = eie.compile(mod, CONFIG, recipe=recipe, calibration=samples, balance=balance)
        report = eie.profile(compiled, images)
        cycles = {layer.name: layer.cycles_per_sample for layer in report.layers}
        totals[variant], outputs[variant] = sum(cycles.values()), report.outputs[0]
        found[variant] = {
            "cycles": {layer: round(number, 1) for layer, number in cycles.items()},
            "all_cycles": round(totals[variant], 1),
            "load_balance": {layer.name: round(layer.load_balance, 3) for layer in report.layers},
            "accuracy": round(accuracy(report.outputs[0], labels), 4),
        }
    assert outputs["neither"].tobytes() == outputs["permutation"].tobytes()
    assert outputs["pruning"].tobytes() == outputs["both"].tobytes()
    return {**found, "speedup": speedups(totals)}


def table_iii(name: str, spread: float, seed: int) -> dict[str, object]:
    """Return the cycles of one of the paper's layers, drawn at random, by variant."""
    shape = TABLE_III[name]
    rng = np.random.default_rng(seed)
    weights = rng.standard_normal((shape.outputs, shape.inputs), np.float32)
    weights *= rng.lognormal(0, spread, (shape.outputs, 1)).astype(np.float32)
    x = (rng.random((2 * INPUTS, shape.inputs)) < shape.act_density).astype(np.float32)
    return measure(weights, shape.weight_density, x[:INPUTS], x[INPUTS:])


def real_alex8() -> dict[str, object]:
    """Return the cycles of Alex-8 by variant; with magnitude pruning it is as published."""
    layer = read_alex8(ALEX8)
    rng = np.random.default_rng(0)
    noise = rng.uniform(0.99, 1.01, layer.codes.shape)  # breaks ties of shared values
    real = layer.weights() * noise
    smallest = np.abs(real[layer.codes != 0]).min()
    unknown = rng.uniform(0, smallest, real.shape)
    weights = np.where(layer.codes != 0, real, unknown).astype(np.float32)
    density = layer.shape.weight_density
    stays = kept({"fc": weights}, {"fc": density}, {}, CONFIG.num_pe)["fc"]
    assert (stays == (layer.codes != 0)).all()
    return measure(weights, density, layer.activations[None], layer.activations[None])


def measure(
    weights: NDArray[np.float32],
    density: float,
    calibration: NDArray[np.float32],
    x: NDArray[np.float32],
) -> dict[str, object]:
    """Return cycles per input and load balance of a dense layer (outputs, inputs) by variant."""
    activity = np.count_nonzero(calibration, axis=0).astype(np.float32) / len(calibration)
    cycles, balance = dict.fromkeys(VARIANTS, 0.0), dict.fromkeys(VARIANTS, 0.0)
    for method in ("magnitude", "balanced"):
        stored = kept({"fc": weights}, {"fc": density}, {"fc": method}, CONFIG.num_pe)["fc"]
        as_is = np.arange(len(stored))
        orders = [as_is, *row_orders(stored, activity, CONFIG).values()]
        best = min(orders, key=lambda order: scan(stored[order], calibration)[0])
        for order, mode in ((as_is, "off"), (best, "auto")):
            variant = next(name for name, kind in VARIANTS.items() if kind == (method, mode))
            total, entries = scan(stored[order], x)
            cycles[variant] = round(total / len(x), 1)
            balance[variant] = round(entries / (CONFIG.num_pe * total), 3)
    return {"cycles": cycles, "load_balance": balance, "speedup": speedups(cycles)}


def scan(stored: NDArray[np.bool_], x: NDArray[np.float32]) -> tuple[int, int]:
    """Return cycles and entries of a layer for all inputs, tile by tile as it is compiled."""
    codes, codebook = stored.view(np.uint8), np.array([0, 1], np.float32)
    cycles = entries = 0
    for row_span, col_spans in layer_tiles(codes, None, CONFIG):
        for cols in (slice(*span) for span in col_spans):
            encoded = encode(codes[slice(*row_span), cols], codebook, CONFIG)
            # Only zeros, not values, affect the time of a scan.
            for run in simulate_batch(encoded, x[:, cols], CONFIG, "float32", values=False):
                cycles += run.cycles
                entries += run.counters["entries"]
    return cycles, entries


def speedups(cycles: dict[str, float]) -> dict[str, float]:
    """Return speedups over the variant with neither."""
    return {variant: round(cycles["neither"] / number, 3) for variant, number in cycles.items()}


def check_with_a_compiled_program() -> None:
    """Compare `scan` with a compiled layer."""
    rng = np.random.default_rng(0)
    weights = (rng.random((600, 4096)) < 0.1).astype(np.float32)
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType((1, 4096), "float32"))
    with builder.function("main", [x]):
        with builder.dataflow():
            result = relax.op.matmul(x, relax.const(np.ascontiguousarray(weights.T)))
            result = builder.emit_output(result, "fc")
        builder.emit_func_output(result)
    ones = np.ones((1, 4096), np.float32)
    (layer,) = eie.profile(eie.compile(builder.get(), CONFIG), ones).layers
    assert layer.cycles_per_sample == scan(weights != 0, ones)[0]


if __name__ == "__main__":
    main()
