"""The sections of a report, one file each, defining `SECTION`.

A new file in this folder is a new section: nothing else lists them, and its row in
``docs/report.md`` is generated. From the answer to its parts, and from these to what they came
from.
"""

from __future__ import annotations

from eie_backend.discover import discover
from eie_backend.report.section import ReportSection

SECTIONS: tuple[ReportSection, ...] = tuple(
    sorted(discover(__name__, __path__, "SECTION"), key=lambda section: section.place)
)
