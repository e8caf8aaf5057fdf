"""Tables of ``eie compress``: accuracy by step, and the search."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eie_backend.cli.console import table
from eie_backend.cli.table import Table
from eie_backend.show.quantities import number, size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eie_backend.compress.report import CompressionReport


def steps_table(report: CompressionReport) -> Table:
    """Return the accuracy after each step, and the layer whose weights it changed most."""
    retrained = any(step.accuracy_untrained is not None for step in report.steps)
    extra = ("not yet retrained",) if retrained else ()
    title = f"Accuracy over {report.samples:,} samples"
    made = table(title, "step", "drifts most", *extra, "accuracy", "drift", text=2)
    for step in report.steps:
        scores = (step.accuracy_untrained, step.accuracy) if retrained else (step.accuracy,)
        layer, drift = max(step.drift.items(), key=lambda row: row[1], default=("", None))
        made.add_row(step.name, layer, *map(_percent, scores), _tenths(drift))
    if report.machine is not None:
        where = f"machine, {report.machine.arithmetic}"
        made.add_row(where, "", *([""] * retrained), _percent(report.machine.accuracy), "")
    return made


def _tenths(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"


def _percent(accuracy: float | None) -> str:
    return "" if accuracy is None else f"{accuracy:.2%}"


def remarks(report: CompressionReport) -> Iterator[str]:
    """Yield a line each for the machine, the search, and uncompressed layers."""
    if report.machine is None:
        yield "Not simulated: the machine cannot run it; `eie explain` says why."
    else:
        yield (
            f"On {report.machine.num_pe} PEs a sample takes "
            f"{number(report.machine.cycles_per_sample)} cycles, "
            f"{report.machine.microseconds_per_sample:.2f} us and "
            f"{number(report.machine.nanojoule_per_sample)} nJ."
        )
    if (found := report.search) is not None:
        yield (
            f"Least {found.objective} of {len(found.points)} settings with an accuracy of at least "
            f"{found.least_accuracy:.2%}: layers from {size(round(found.dense.cost.bytes))} to "
            f"{size(round(found.best.cost.bytes))}, estimated cycles from "
            f"{number(found.dense.cost.cycles)} to {number(found.best.cost.cycles)}."
        )
    for name, reason in report.unchanged.items():
        yield f"{name} stayed as it was: {reason}."
