"""The simulator's engines on Alex-8: at least 1 million PE cycles per second with `clock`.

``python benchmarks/engines.py`` runs the engines in turns on one thread, compares the medians and
writes ``benchmarks/results/engines.json`` (ten seconds). Alex-8
is ``../shared/data/alex8`` beside the checkout; without it a generated one takes its place.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from measure import timings
from record import record
from simulator import layer

from eie_backend import HardwareConfig
from eie_backend.machine.choices import Engine
from eie_backend.machine.formats import FLOAT
from eie_backend.simulator.matrices import run_samples

CONFIG = HardwareConfig()
RUNS = 21
LIMIT_MILLION_PE_CYCLES_PER_SECOND = 1.0
VARIANTS: dict[str, tuple[Engine, bool]] = {
    "functional": ("functional", False),
    "event": ("event", False),
    "event, with the account of cycles": ("event", True),
    "clock": ("clock", False),
    "clock, with the account of cycles": ("clock", True),
}


def cycles(engine: Engine, account: bool) -> int:
    """Run once; the functional engine counts none."""
    made, matrix = layer("Alex-8")
    x, codebook = made.activations[None], matrix.codebook[None].copy()
    _, (counters,), _ = run_samples(
        matrix, CONFIG, codebook, x, [FLOAT], threads=1, engine=engine, account=account
    )
    return counters["cycles"]


def exact() -> dict[str, object]:
    """Return the cycles, on which all engines agree."""
    (one,) = {cycles(*options) for options in VARIANTS.values()} - {0}
    made, _ = layer("Alex-8")
    return {"published": made.expected is not None, "cycles": one, "pe_cycles": one * CONFIG.num_pe}


def measured(pe_cycles: int) -> dict[str, object]:
    """Time the engines."""
    times = timings({name: lambda o=o: cycles(*o) for name, o in VARIANTS.items()}, RUNS)
    event = times["event"].median
    return {
        "milliseconds": times,
        "ratio_to_event": {name: round(t.median / event, 2) for name, t in times.items()},
        "clock_million_pe_cycles_per_second": round(pe_cycles / times["clock"].median / 1e3, 1),
        "limit_million_pe_cycles_per_second": LIMIT_MILLION_PE_CYCLES_PER_SECOND,
    }


def main() -> None:
    """Measure, print, write the result, and fail below the limit."""
    known = exact()
    found = measured(known["pe_cycles"])
    record("engines", known, found)
    speed = found["clock_million_pe_cycles_per_second"]
    if speed < LIMIT_MILLION_PE_CYCLES_PER_SECOND:
        sys.exit(f"the clock engine steps {speed} million PE cycles per second; limit 1 million")


if __name__ == "__main__":
    main()
