"""The simulator's engines on Alex-8: at least 1 million PE cycles per second with `clock`.

``python benchmarks/engines.py`` runs the engines in turns on one thread, compares the medians and
writes ``benchmarks/results/engines.json``. Alex-8 is ``../shared/data/alex8`` beside the checkout;
without it a random layer of the same size and density takes its place.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from eie_backend import EncodedMatrix, HardwareConfig, encode
from eie_backend.codegen.formats import FLOAT
from eie_backend.engines import Engine
from eie_backend.loaded import run_samples

sys.path.insert(0, str(Path(__file__).parent))
from environment import environment

RESULT = Path(__file__).parent / "results" / "engines.json"
ALEX8 = Path(__file__).parents[2] / "shared" / "data" / "alex8" / "alex8.npz"
RUNS = 21
LIMIT_PE_CYCLES_PER_SECOND = 1e6
VARIANTS: dict[str, tuple[Engine, bool]] = {
    "functional": ("functional", False),
    "event": ("event", False),
    "event, with the account of cycles": ("event", True),
    "clock": ("clock", False),
    "clock, with the account of cycles": ("clock", True),
}


def layer(config: HardwareConfig) -> tuple[str, EncodedMatrix, np.ndarray]:
    """Return the name, the matrix and the activations of the layer to run."""
    if ALEX8.exists():
        with np.load(ALEX8, allow_pickle=False) as data:
            matrix = encode(data["codes"], data["codebook"], config, data["bias_codes"])
            return "Alex-8", matrix, data["activations"]
    rng = np.random.default_rng(0)
    codes = rng.integers(1, 16, (1000, 4096)) * (rng.random((1000, 4096)) < 0.25)
    activations = rng.normal(size=4096) * (rng.random(4096) < 0.43)
    matrix = encode(codes, np.append(0, rng.normal(size=15)), config)
    return "random, 1000 x 4096", matrix, activations.astype(np.float32)


def main() -> None:
    """Measure, print, write the result, and fail below the limit."""
    config = HardwareConfig()
    name, matrix, x = layer(config)
    codebook = matrix.codebook[None].copy()

    def call(engine: Engine, account: bool) -> int:
        _, (counters,), _ = run_samples(
            matrix, config, codebook, x[None], [FLOAT], threads=1, engine=engine, account=account
        )
        return counters["cycles"]

    cycles = {call(*options) for options in VARIANTS.values()} - {0}
    assert len(cycles) == 1, f"the engines disagree: {sorted(cycles)} cycles"
    pe_cycles = cycles.pop() * config.num_pe
    seconds: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
    for _ in range(RUNS):
        for variant, options in VARIANTS.items():
            seconds[variant].append(elapsed(lambda options=options: call(*options)))
    medians = {variant: statistics.median(times) for variant, times in seconds.items()}
    speed = pe_cycles / medians["clock"]
    result = {
        "environment": environment(),
        "layer": name,
        "pe_cycles": pe_cycles,
        "runs": RUNS,
        "median_ms": {variant: round(1000 * time, 3) for variant, time in medians.items()},
        "ratio_to_event": {v: round(time / medians["event"], 2) for v, time in medians.items()},
        "clock_million_pe_cycles_per_second": round(speed / 1e6, 1),
        "limit_million_pe_cycles_per_second": LIMIT_PE_CYCLES_PER_SECOND / 1e6,
    }
    text = json.dumps(result, indent=2)
    print(text)
    RESULT.write_text(text + "\n", "utf-8")
    if speed < LIMIT_PE_CYCLES_PER_SECOND:
        sys.exit(f"the clock engine steps {speed:.0f} PE cycles per second; limit 1 million")


def elapsed(call: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
