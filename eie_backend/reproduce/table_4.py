"""Table IV: time per layer, theoretical and actual."""

from __future__ import annotations

from eie_backend.reproduce.published import published
from eie_backend.reproduce.result import Result, Value
from eie_backend.reproduce.runs import PAPER, Runs

KEY = "table_4"


def reproduce(runs: Runs) -> Result:
    """Return theoretical time, of entries spread evenly over PEs, and simulated time."""
    paper = published()[KEY]
    values = []
    for n, name in enumerate(paper["layers"]):
        run = runs.run(name)
        even = run.counters["entries"] / PAPER.num_pe / PAPER.clock_mhz
        values.append(Value(name, "theoretical", "us", even, paper["theoretical"][n]))
        values.append(Value(name, "actual", "us", run.microseconds, paper["actual"][n]))
    return Result(KEY, "Time per layer", tuple(values), (runs.note(),))
