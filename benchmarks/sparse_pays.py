"""Dense versus sparse: the EIE paper's nine layers, dense and sparse on this CPU, and on EIE.

``python benchmarks/sparse_pays.py`` writes ``benchmarks/results/sparse_pays.json`` (two minutes).
The layers are generated with the densities of Table III. In turns, on `THREADS` threads each:

- dense: NumPy (its BLAS) and ONNX Runtime, one input and `BATCH` inputs at once, time per input;
- sparse: SciPy's CSR, which has one thread, with the same inputs;
- the simulator on one thread, for the cost of simulation.

EIE's time and energy are those of the simulated machine, 64 PEs at 800 MHz with 16-bit fixed point.
They are exact, and for one input at a time, because the machine has no batches. All results are
compared before timing. The CPU's energy is measured if the kernel allows it (RAPL).

Break-even is the density of weights at which one method overtakes another, for Alex-7's size and
inputs, with densities in `DENSITIES`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
os.environ["OPENBLAS_NUM_THREADS"] = "2"  # must be set before NumPy is imported
import numpy as np
import onnxruntime
from measure import Timing, joules, timings
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from record import record
from scipy.sparse import csr_array

from eie_backend import HardwareConfig, simulate
from eie_backend.machine.energy import energy_pj
from eie_backend.workloads import TABLE_III, Layer, LayerShape, generate

CONFIG = HardwareConfig()
THREADS = int(os.environ["OPENBLAS_NUM_THREADS"])
BATCH = 64
DENSITIES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0)
PAIRS = (("numpy", "scipy_csr"), ("numpy_batch", "scipy_csr_batch"))
"""Pairs of dense and sparse methods with the same number of inputs."""

OTHERS = ("numpy", "onnxruntime", "scipy_csr")
OTHERS += tuple(f"{way}_batch" for way in OTHERS)

Call = Callable[[], object]


def exact() -> dict[str, object]:
    """Return EIE's cost of each layer, and of Alex-7 at each density."""
    return {
        "layers": {name: on_eie(generate(shape)) for name, shape in TABLE_III.items()},
        "densities": {density: on_eie(generate(at(density))) for density in DENSITIES},
    }


def at(density: float) -> LayerShape:
    """Return Alex-7's shape with another density of weights."""
    shape = TABLE_III["Alex-7"]
    return LayerShape(shape.name, shape.inputs, shape.outputs, density, shape.act_density)


def on_eie(layer: Layer) -> dict[str, float]:
    """Return cycles, time and energy of the simulated machine for one input."""
    run = simulate(layer.encode(CONFIG), layer.activations, CONFIG, "float32", values=False)
    # Cycles are the same for any arithmetic; the energy is that of 16 bits.
    nanojoule = sum(energy_pj(run.counters, CONFIG).values()) / 1e3
    return {
        "cycles": run.cycles,
        "microseconds": run.microseconds,
        "nanojoule": float(f"{nanojoule:.6g}"),
    }


def calls(layer: Layer) -> dict[str, Call]:
    """Return every method of computing a layer, by name, after checking that results agree."""
    dense, x, encoded = layer.weights(), layer.activations, layer.encode(CONFIG)
    sparse, session = csr_array(dense), gemm(dense)
    batch = np.random.default_rng(0).permuted(np.tile(x, (BATCH, 1)), axis=1)
    columns = np.ascontiguousarray(batch.T)  # SciPy reads the inputs of a row contiguously
    values: dict[str, Call] = {
        "numpy": lambda: dense @ x,
        "onnxruntime": lambda: session.run(None, {"x": x[None]})[0][0],
        "scipy_csr": lambda: sparse @ x,
        "simulator": lambda: simulate(encoded, x, CONFIG, "float32").output,
    }
    batched: dict[str, Call] = {
        "numpy_batch": lambda: batch @ dense.T,
        "onnxruntime_batch": lambda: session.run(None, {"x": batch})[0],
        "scipy_csr_batch": lambda: (sparse @ columns).T,
    }
    agree(layer, x[None], values)
    agree(layer, batch, batched)
    return {
        **values,
        **batched,
        "simulator_cycles_only": lambda: simulate(encoded, x, CONFIG, "float32", values=False),
    }


def agree(layer: Layer, x: NDArray[np.float32], ways: dict[str, Call]) -> None:
    """Compare results with those in float64.

    In any order, a float32 sum of n products has an error of at most n * eps * sum |w * x|
    (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1); eps is 2 ** -24.
    """
    wide = csr_array(layer.weights().astype(np.float64))
    expected, size = wide @ x.T.astype(np.float64), abs(wide) @ np.abs(x.T).astype(np.float64)
    bound = (layer.shape.inputs * 2.0**-24 * size).T
    for name, way in ways.items():
        off = np.abs(np.asarray(way()) - expected.T)
        assert (off <= bound).all(), f"{layer.name}: {name} disagrees with float64"


def gemm(weights: NDArray[np.float32]) -> onnxruntime.InferenceSession:
    """Return an ONNX Runtime session of one dense layer for any number of inputs."""
    outputs, inputs = weights.shape
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "w"], ["y"], transB=1)],
        "layer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", inputs])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", outputs])],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    # Busy waiting of threads would take a core from the next call.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def per_input(ways: dict[str, Call], repetitions: int) -> dict[str, Timing]:
    """Time everything in turns; a batch's time is divided by its inputs."""
    return {
        name: timing.per(BATCH) if name.endswith("batch") else timing
        for name, timing in timings(ways, repetitions).items()
    }


def crossing(densities: list[float], ratios: list[float]) -> float | None:
    """Return the density at which a ratio of times reaches 1; 0 if it is always above, else None.

    Between two densities, the logarithm of the ratio is linear in the logarithm of the density.
    """
    x, y = np.log(densities), np.log(ratios)
    for n in range(len(x) - 1):
        if y[n] <= 0 < y[n + 1]:
            found = float(np.exp(x[n] + (x[n + 1] - x[n]) * -y[n] / (y[n + 1] - y[n])))
            return round(found, 4)
    return None if y[0] <= 0 else 0.0


def break_even(times: dict[float, dict[str, Timing]], eie: dict[float, float]) -> dict[str, object]:
    """Return the density up to which SciPy's CSR, and EIE, are faster; None if always."""
    densities = list(times)

    def found(sparse: Callable[[float], float], dense: str) -> float | None:
        ratios = [sparse(density) / times[density][dense].median for density in densities]
        return crossing(densities, ratios)

    of_csr = {dense: found(lambda d, s=s: times[d][s].median, dense) for dense, s in PAIRS}
    of_eie = {way: found(lambda d: eie[d] / 1e3, way) for way in OTHERS}
    return {"scipy_csr": of_csr, "eie": of_eie}


def measured(known: dict[str, object]) -> dict[str, object]:
    """Time the nine layers, then Alex-7 at each density."""
    rows: dict[str, object] = {}
    for name, shape in TABLE_III.items():
        ways = calls(generate(shape))
        times = per_input(ways, 15)
        eie_ms = known["layers"][name]["microseconds"] / 1e3
        rows[name] = {
            "milliseconds": times,
            "cpu_joules": {w: joules(ways[w]) for w in ("numpy", "scipy_csr")},
            "csr_speedup": {
                dense: round(times[dense].median / times[csr].median, 2) for dense, csr in PAIRS
            },
            "eie_speedup": {way: round(t.median / eie_ms, 1) for way, t in times.items()},
        }
        print(name, "EIE's speedup over", rows[name]["eie_speedup"], flush=True)
    sweep = {density: per_input(calls(generate(at(density))), 9) for density in DENSITIES}
    eie = {density: known["densities"][density]["microseconds"] for density in DENSITIES}
    return {
        "threads": {"numpy": THREADS, "onnxruntime": THREADS, "scipy_csr": 1, "simulator": 1},
        "batch": BATCH,
        "layers": rows,
        "densities": {density: {"milliseconds": times} for density, times in sweep.items()},
        "break_even_density": break_even(sweep, eie),
    }


def main() -> None:
    """Measure, print and write the result."""
    known = exact()
    record("sparse_pays", known, measured(known))


if __name__ == "__main__":
    main()
