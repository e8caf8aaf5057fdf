"""`remarks`: notes on a report's numbers: odd inputs, loaded weights and saturated values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eie_backend.show.quantities import size
from eie_backend.simulator.not_finite import sentence

if TYPE_CHECKING:
    from eie_backend.profiler import Report


def remarks(report: Report) -> list[str]:
    """Return a line each for odd inputs, resident and reloaded weights, and saturations, if any."""
    lines = []
    if report.not_finite:
        lines.append(f"Not all that came in is a number: {sentence(report.not_finite)}.")
    if report.setup["load_cycles"]:
        lines.append(
            f"Weights are resident: {size(report.setup['load_bytes'])} loaded once in "
            f"{report.setup['load_cycles']:,} cycles."
        )
    if report.reloads["load_cycles"]:
        lines.append(
            "Weights of programs that take turns are loaded at each call: "
            f"{size(report.reloads['load_bytes'])} in {report.reloads['load_cycles']:,} cycles."
        )
    if total := sum(report.saturations.values()):
        kinds = ", ".join(
            f"{n:,} {kind.split('_')[0]}" for kind, n in report.saturations.items() if n
        )
        lines.append(
            f"{total:,} values saturated ({kinds}); more representative calibration inputs "
            "widen the formats."
        )
    return lines
