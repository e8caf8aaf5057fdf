"""The section on fidelity: what each layer adds to the error, beside the float network."""

from __future__ import annotations

from eie_backend.report.content import Section
from eie_backend.report.fidelity_section import TITLE, fidelity_section
from eie_backend.report.run import Run
from eie_backend.report.section import ReportSection


def fidelity(run: Run) -> Section | None:
    """Return the comparison; None where the float network did not run."""
    return None if run.comparison is None else fidelity_section(run.comparison)


SECTION = ReportSection(
    place=25,
    title=TITLE,
    shows="where the float network is known: how far the results are from its, and what each layer "
    "adds of its own and inherits",
    source="[`eie compare`](fidelity.md)",
    make=fidelity,
)
