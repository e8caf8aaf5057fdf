"""The section on the model's origin: the manifest, versions, and every number as JSON."""

from __future__ import annotations

import json
from base64 import b64encode
from importlib.metadata import version

from eie_backend._versions import __version__
from eie_backend.isa.program import RECORD
from eie_backend.report.content import Cell, Column, Download, Section, Table
from eie_backend.report.run import Run
from eie_backend.report.section import ReportSection

LONG = "breakdown_per_pe", "blocking", "queue_occupancy"
MOST_NUMBERS = 200_000
"""Most numbers per PE and per queue occupancy; more would make a page slow to open."""


def origin(run: Run) -> Section:
    """Return the manifest and the report's data."""
    manifest = {name: text for name, text in run.report.manifest.items() if name not in RECORD}
    rows = [[Cell(name), Cell(text or "none")] for name, text in sorted(manifest.items())]
    rows += [[Cell(f"report made by {name}"), Cell(text)] for name, text in _versions().items()]
    data = run.report.to_dict()
    data["manifest"] = manifest
    left_out = ""
    numbers = (8 * len(one.blocking) + len(one.queue_occupancy) for one in run.layers)
    if sum(numbers) > MOST_NUMBERS:
        for layer in data["layers"]:
            for key in LONG:
                del layer[key]
        left_out = " Single PEs and queues are left out of the JSON: `eie profile --json` has them."
    text = json.dumps(data, indent=1, sort_keys=True)
    url = f"data:application/json;base64,{b64encode(text.encode()).decode()}"
    lead = (
        "The same model, recipe, machine and versions give the same program, bit for bit."
        f"{left_out}"
    )
    return Section(
        "origin",
        SECTION.title,
        lead,
        (
            Table("manifest", "Manifest", [Column("entry"), Column("value")], rows),
            Download("eie-report.json", "Every number of this report as JSON", url),
        ),
    )


def _versions() -> dict[str, str]:
    return {"eie": __version__, **{name: version(name) for name in ("plotly", "itables")}}


SECTION = ReportSection(
    place=130,
    title="Origin",
    shows="the manifest, versions, and all numbers as JSON",
    source="",
    make=origin,
)
