"""Write results: CSV, JSON, and for figures SVG and PNG."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict

from eie_backend.reproduce.result import Result

COLUMNS = (
    "item",
    "quantity",
    "unit",
    "ours",
    "paper",
    "difference",
    "tolerance",
    "bound",
    "holds",
    "reason",
)


def as_csv(result: Result) -> str:
    """Return a line per value; what is not there is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for value in result.values:
        writer.writerow([getattr(value, column) for column in COLUMNS])
    return text.getvalue()


def as_json(result: Result) -> str:
    """Return everything, with differences."""
    values = [
        {**asdict(value), "difference": value.difference, "holds": value.holds}
        for value in result.values
    ]
    data = {"key": result.key, "title": result.title, "values": values, "notes": result.notes}
    return json.dumps(data, indent=2) + "\n"
