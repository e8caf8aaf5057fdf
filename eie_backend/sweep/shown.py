"""Names and number formats of a sweep's outcomes, for tables, pictures and files."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import asdict
from typing import Any, NamedTuple

from eie_backend.sweep.run import Row, Sweep
from eie_backend.sweep.space import ParameterPath, Scalar, label
from eie_backend.sweep.spec import OBJECTIVES


class Measure(NamedTuple):
    """The name of an objective, its unit, and its number of digits."""

    title: str
    unit: str
    form: str


MEASURES = {
    "accuracy": Measure("accuracy", "%", "{:.2f}"),
    "cycles": Measure("cycles per sample", "", "{:,.1f}"),
    "energy": Measure("energy per sample", "nJ", "{:,.2f}"),
    "area": Measure("area", "mm²", "{:.2f}"),
}


def in_units(row: Row, objective: str) -> float:
    """Return a value in its display unit."""
    value: float = getattr(row.outcome, objective)
    return 100 * value if objective == "accuracy" else value


def shown(row: Row, objective: str) -> str:
    """Return a value as text."""
    return MEASURES[objective].form.format(in_units(row, objective))


def axis(objective: str) -> str:
    """Return the label of an axis or a column, with its unit."""
    measure = MEASURES[objective]
    return f"{measure.title}, {measure.unit}" if measure.unit else measure.title


def named(row: Row, paths: list[ParameterPath]) -> str:
    """Return the parameters of a design in a line."""
    return ", ".join(f"{label(path)} {row.values[path]}" for path in paths)


def answer(found: Sweep) -> str:
    """Return the result of a sweep in one sentence."""
    counts = [f"{found.count('measured'):,} measured"]
    if found.count("ruled out"):
        counts.append(f"{found.count('ruled out'):,} ruled out by the analytical model")
    if found.count("impossible"):
        counts.append(f"{found.count('impossible'):,} impossible")
    return f"{len(found.front):,} of {len(found.rows):,} designs are on the front; " + (
        ", ".join(counts) + "."
    )


def reasons(found: Sweep) -> dict[str, int]:
    """Return the reasons why designs are impossible, with counts, most frequent first."""
    errors = [row.outcome.error for row in found.rows if row.state == "impossible"]
    return dict(Counter(errors).most_common())


def to_dict(found: Sweep) -> dict[str, Any]:
    """Return a sweep as plain data, with everything needed to compare designs."""
    return {
        "name": found.spec.name,
        "objectives": list(found.spec.objectives),
        "designs": [_plain(row) for row in found.rows],
        "front": [found.rows.index(row) for row in found.front],
    }


def to_json(found: Sweep) -> str:
    """Return `to_dict` as JSON text; equal outcomes give equal bytes."""
    return json.dumps(to_dict(found), indent=1, sort_keys=True, allow_nan=False) + "\n"


def _plain(row: Row) -> dict[str, Any]:
    values: dict[str, Scalar] = {".".join(path): value for path, value in row.values.items()}
    outcome = asdict(row.outcome)
    if row.state == "impossible":
        return {"parameters": values, "state": row.state, "error": outcome["error"]}
    numbers = {name: outcome[name] for name in OBJECTIVES}
    finite = {n: value if math.isfinite(value) else None for n, value in numbers.items()}
    many = [one._asdict() for one in row.outcome.saturated]
    return {"parameters": values, "state": row.state, **finite, "saturated": many}
