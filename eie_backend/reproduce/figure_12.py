"""Figure 12: real work over total work (the effect of paddings) by number of PEs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eie_backend.reproduce.result import Result, Value
from eie_backend.reproduce.runs import PAPER, Runs
from eie_backend.reproduce.shaded_bars import count, draw_bars, over_pes, rises, values
from eie_backend.simulator import LayerRun
from eie_backend.workloads import TABLE_III, LayerShape

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KEY = "figure_12"
SETTING = "PEs"
COMPARED = (1, 16, 64, 256)
ALLOWED = 0.005
EXPECTED = "expected of Table III's densities, not printed; chance moves a matrix of this size less"
REAL = "the real layer is as dense as Table III says, but its non-zeros do not lie anywhere alike"
FEWER = "shorter slices have shorter gaps; up to 0.2 points may be chance"


def reproduce(runs: Runs) -> Result:
    """Return the fraction of issued entries that carry a weight."""
    found = over_pes(runs, real_share)
    shape = [
        Value("layers", "that never lose by PEs", "", count(found, rises), len(found), 0, FEWER)
    ]
    for name, row in found.items():
        real = name == "Alex-8" and runs.has_real_alex8
        tolerance, reason = (None, REAL) if real else (ALLOWED, EXPECTED)
        for num_pe in COMPARED:
            expected = expected_share(TABLE_III[name], num_pe)
            made = Value(
                name, f"at {num_pe}, expected", "", row[num_pe], expected, tolerance, reason
            )
            shape.append(made)
    notes = (
        runs.note(),
        "Real over total work: entries that carry a weight over entries, paddings included, in the "
        "columns of non-zero activations.",
        "The paper prints no heights. Beside ours stands what is expected where every weight is "
        "non-zero with Table III's probability, whatever the others are.",
    )
    title = "Figure 12: real work over total work by number of PEs"
    return Result(KEY, title, (*shape, *values(found, SETTING)), notes)


def draw(result: Result) -> Figure:
    """Return a group of bars per layer."""
    return draw_bars(result, SETTING, "real work / total work")


def real_share(run: LayerRun) -> float:
    """Return the fraction of entries that are not paddings."""
    return 1 - run.counters["padding_entries"] / max(run.counters["entries"], 1)


def expected_share(shape: LayerShape, num_pe: int) -> float:
    """Return the expected fraction of non-padding entries for uniformly distributed non-zeros.

    An entry in row r of a slice has a k-th padding before it if the 16 k rows above it exist and
    are zero. The expected number of paddings in a slice of n rows is therefore
    ``density * sum over k of (n - 16 k) * q ** (16 k)``, where q is 1 - density and n - 16 k is at
    least 0. The expected number of weights is ``density * n``.
    """
    step = PAPER.max_run + 1
    full, longer = divmod(shape.outputs, num_pe)
    zeros = (1 - shape.weight_density) ** step
    paddings = sum(
        slices * sum((rows - step * k) * zeros**k for k in range(1, rows // step + 1))
        for rows, slices in ((full, num_pe - longer), (full + 1, longer))
    )
    return shape.outputs / (shape.outputs + paddings)
