"""A table or figure on screen: values with the paper's, other values as a matrix, then notes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import rich.table
from rich.console import Group
from rich.text import Text

from eie_backend.cli.console import table
from eie_backend.cli.table import Table

if TYPE_CHECKING:
    from eie_backend.reproduce.result import Published, Result, Value

OUT = "OUT"
"""Mark of a difference that is not allowed, in addition to its colour."""

EXACT = 1e-6
"""Tolerance up to which only rounding errors of floats are allowed."""

NAMED = 3
"""Most quantities or items to name in front of a reason."""


def result_table(result: Result) -> Group:
    """Return a complete result as text and tables."""
    compared = [value for value in result.values if value.paper is not None]
    ours = [(v.item, _heading(v), v.ours) for v in result.values if v.paper is None]
    theirs = [(one.item, _heading(one), one.paper) for one in result.context]
    parts = [_comparison(result.title, compared)] if compared else []
    if ours:
        title = "Ours; the paper prints no number" if compared else result.title
        parts.append(_matrix(title, ours))
    if theirs:
        parts.append(_matrix("As the paper has them", theirs))
    notes = rich.table.Table.grid(padding=(0, 1))
    for line in (*_reasons(compared), *result.notes):
        notes.add_row("-", line)
    return Group(*parts, notes, "")


def failure_lines(results: Iterable[Result]) -> list[str]:
    """Return a line for each value that is out of tolerance."""
    return [
        f"{result.key}: {v.item}, {v.quantity}: {_number(v.ours)} {v.unit}".rstrip()
        + f", paper {_number(v.paper or 0)}, {v.difference:+.1%}, allowed {_allowed(v)}"
        for result in results
        for v in result.failures
    ]


def _comparison(title: str, values: Sequence[Value]) -> Table:
    made = table(title, "", "", "ours", "paper", "difference", "allowed", text=2)
    for item, group in groupby(values, lambda value: value.item):
        for n, value in enumerate(group):
            off = "" if value.holds else f" {OUT}"
            made.add_row(
                "" if n else item,
                _heading(value),
                _number(value.ours),
                _number(value.paper or 0),
                Text(f"{value.difference:+.1%}{off}", "" if value.holds else "bold red"),
                _allowed(value),
            )
    return made


def _matrix(title: str, cells: Sequence[tuple[str, str, float]]) -> Table:
    """Return a table of items by quantities."""
    quantities = list(dict.fromkeys(quantity for _, quantity, _ in cells))
    numbers = {(item, quantity): _number(number) for item, quantity, number in cells}
    made = table(title, "", *quantities)
    for item in dict.fromkeys(item for item, _, _ in cells):
        made.add_row(item, *(numbers.get((item, quantity), "") for quantity in quantities))
    return made


def _reasons(values: Sequence[Value]) -> Iterator[str]:
    """Return a line for each reason, with the tolerance or the items without assertion."""
    for reason in dict.fromkeys(value.reason for value in values if value.reason):
        found = [value for value in values if value.reason == reason]
        limits = [value for value in found if value.tolerance is not None]
        named = dict.fromkeys(value.quantity if limits else value.item for value in found)
        what = "Not asserted"
        if limits:
            widest = max(limits, key=lambda value: value.tolerance or 0.0)
            up_to = "up to " if len(set(map(_allowed, limits))) > 1 else ""
            what = f"Allowed {up_to}{_allowed(widest)}"
        yield ", ".join([what, *(named if len(named) <= NAMED else ())]) + f": {reason}."


def _heading(value: Value | Published) -> str:
    return f"{value.quantity} {value.unit}".strip()


def _allowed(value: Value) -> str:
    if value.tolerance is None:
        return ""
    limit = f"{100 * value.tolerance:.2g}%" if value.tolerance > EXACT else "0%"
    if value.bound == "near":
        return limit if value.tolerance > EXACT else "exact"
    return f">= -{limit}".replace("-0%", "0%") if value.bound == "at_least" else f"<= {limit}"


def _number(value: float) -> str:
    """Return a number with four digits, or with all digits before the point if there are more."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
