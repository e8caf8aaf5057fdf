"""Results as CSV and JSON, and the summary of asserted values."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import asdict

from eie_backend.reproduce.result import Result, Value

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
    """Return a line per value, then a line per number that only the paper has; gaps are empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in (*result.values, *result.context):
        writer.writerow([getattr(one, column, None) for column in COLUMNS])
    return text.getvalue()


def as_json(result: Result) -> str:
    """Return a result as JSON, with differences."""
    return json.dumps(as_dict(result), indent=2) + "\n"


def as_dict(result: Result) -> dict[str, object]:
    """Return a result as plain data, with differences."""
    return {
        "key": result.key,
        "title": result.title,
        "values": [_value(value) for value in result.values],
        "published": [asdict(one) for one in result.context],
        "notes": result.notes,
    }


def summary(results: Iterable[Result], layers: str) -> str:
    """Return all asserted values as JSON, by the key of their table or figure.

    Parameters
    ----------
    results : iterable of Result
    layers : str
        Source of the layers.
    """
    data = {
        "layers": layers,
        "results": {
            result.key: {
                "title": result.title,
                "out_of_tolerance": len(result.failures),
                "asserted": [_value(value) for value in result.asserted],
            }
            for result in results
        },
    }
    return json.dumps(data, indent=2) + "\n"


def _value(value: Value) -> dict[str, object]:
    return {**asdict(value), "difference": value.difference, "holds": value.holds}
