"""`ReportSection`: a section's place on the page, its row in the docs, and what makes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from eie_backend.report.content import Section
from eie_backend.report.run import Run


@dataclass(frozen=True)
class ReportSection:
    """A section of the report; a file in `eie_backend.report.sections` defines each as `SECTION`.

    Attributes
    ----------
    place : int
        Sections stand by ascending place; those here leave gaps of ten.
    title : str
        Its heading.
    shows, source : str
        What it shows, and where its numbers come from: its row in ``docs/report.md``, Markdown with
        links as that page has them.
    make : callable
        Returns the section of a run; None leaves it out.
    """

    place: int
    title: str
    shows: str
    source: str
    make: Callable[[Run], Section | None]
