"""Scaling of simulation, encoding and compilation time with layer size, density, PEs and batch.

``python benchmarks/growth.py`` writes ``benchmarks/results/growth.json`` (90 seconds). One of the
four variables changes and the others stay at `BASE`; a layer is square and generated. Each curve is
fitted by ``time = factor * variable ** exponent``: a straight line through the logarithms of the
medians, by least squares, with a standard error of the slope. Fixed costs per call flatten a curve
at its lower end and lower the exponent; the fit uses all points, and the page shows them.

The simulator runs on one thread. The inputs of a batch have zeros in different places.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tvm import IRModule, relax

sys.path.insert(0, str(Path(__file__).parent))
from measure import Timing, timings
from record import record

import eie_backend as eie
from eie_backend import HardwareConfig, simulate_batch
from eie_backend.workloads import Layer, LayerShape, generate

ACTIVE = 0.35
REPETITIONS, COMPILATIONS = 15, 3


@dataclass(frozen=True)
class Point:
    """The variables; `weights` is the size of the dense matrix, the square of its width."""

    weights: int = 2048**2
    density: float = 0.1
    pes: int = 64
    batch: int = 1

    @property
    def config(self) -> HardwareConfig:
        """The machine."""
        return HardwareConfig(num_pe=self.pes)

    def layer(self) -> Layer:
        """Generate the layer."""
        width = round(self.weights**0.5)
        return generate(LayerShape("square", width, width, self.density, ACTIVE))


BASE = Point()
VARIED: dict[str, tuple[float, ...]] = {
    "weights": tuple(width**2 for width in (256, 512, 1024, 2048, 4096, 8192)),
    "density": (0.01, 0.03, 0.1, 0.3, 1.0),
    "pes": (4, 16, 64, 256, 1024),
    "batch": (1, 4, 16, 64, 256),
}


def ways(point: Point, varied: str) -> tuple[dict[str, Callable[[], object]], dict[str, int]]:
    """Return the functions to time at a point, and the exact figures of the point."""
    layer, config = point.layer(), point.config
    encoded = layer.encode(config)
    rng = np.random.default_rng(0)
    x = rng.permuted(np.tile(layer.activations, (point.batch, 1)), axis=1)

    def run(values: bool) -> list[eie.LayerRun]:
        return simulate_batch(encoded, x, config, "float32", threads=1, values=values)

    found: dict[str, Callable[[], object]] = {
        "simulate, values and cycles": lambda: run(True),
        "simulate, cycles only": lambda: run(False),
    }
    if varied != "batch":  # nothing else depends on it
        found["encode"] = lambda: layer.encode(config)
        module = one_layer(layer)
        found["compile"] = lambda: eie.compile(module, config)
    exact = {"cycles": sum(one.cycles for one in run(False)), "entries": encoded.entries.size}
    return found, exact


def one_layer(layer: Layer) -> IRModule:
    """Return a module of one dense layer, whose weights already have only 15 values."""
    weights = layer.weights()
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType((1, weights.shape[1]), "float32"))
    with builder.function("main", [x]):
        with builder.dataflow():
            result = relax.op.matmul(x, relax.const(np.ascontiguousarray(weights.T)))
            result = builder.emit_output(result, "fc")
        builder.emit_func_output(result)
    return builder.get()


def fit(variable: Sequence[float], milliseconds: Sequence[float]) -> dict[str, float]:
    """Return factor and exponent of a power law, and the exponent's standard error."""
    line, covariance = np.polyfit(np.log(variable), np.log(milliseconds), 1, cov=True)
    return {
        "exponent": round(float(line[0]), 3),
        "standard_error": round(float(np.sqrt(covariance[0, 0])), 3),
        "factor": float(f"{np.exp(line[1]):.4g}"),
    }


def curves(varied: str) -> tuple[dict[str, object], dict[str, object]]:
    """Vary one variable; return the exact figures by its value, and curves with their fits."""
    known: dict[str, object] = {}
    times: dict[str, dict[str, Timing]] = {}
    for value in VARIED[varied]:
        found, known[str(value)] = ways(replace(BASE, **{varied: value}), varied)
        slow = {name: found.pop(name) for name in ("compile",) if name in found}
        taken = {**timings(found, REPETITIONS), **timings(slow, COMPILATIONS)}
        for name, timing in taken.items():
            times.setdefault(name, {})[str(value)] = timing
    return known, {
        name: {"milliseconds": points, "fit": fit(VARIED[varied], medians(points))}
        for name, points in times.items()
    }


def medians(points: Mapping[str, Timing]) -> list[float]:
    """Return the medians in order."""
    return [timing.median for timing in points.values()]


def main() -> None:
    """Measure, print and write the result."""
    exact, measured = {}, {}
    for varied in VARIED:
        exact[varied], measured[varied] = curves(varied)
    record("growth", exact, measured)


if __name__ == "__main__":
    main()
