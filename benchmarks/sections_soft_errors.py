"""What the page says of soft errors: a text, a table of each network, and of what codes cost."""

from __future__ import annotations

from typing import Any

from sections import Result, table

TITLES = {"lenet_300_100": "LeNet-300-100", "lenet_5": "LeNet-5"}


def soft_errors(result: Result) -> str:
    """Return accuracy and silently wrong answers, by unit and rate, and the cost of check bits."""
    return "\n\n".join(_network(name, found) for name, found in result["exact"].items())


def _network(name: str, found: dict[str, Any]) -> str:
    rates = sorted({row["rate"] for row in found["rows"]})
    bare = [row for row in found["rows"] if row["protection"] == "none"]
    units = list(dict.fromkeys(row["unit"] for row in bare))
    rows = [
        [unit, *(_cell(row) for rate in rates for row in bare if _is(row, unit, rate))]
        for unit in units
    ]
    guarded = [_guarded(found, cost) for cost in found["costs"]]
    head = ["protection", "silent %, at most", "detected %, at most", "nJ per input", "mm²"]
    return (
        f"**{TITLES[name]}**: {found['digits']} digits, {found['trials']} trials of each rate, "
        f"{100 * found['accuracy']:.2f} % right without flips. Per unit and flips per bit: the "
        "answers that are right and, after the slash, silently wrong, in percent; in brackets the "
        "95 % interval of the latter.\n\n"
        f"{table(['unit', *(f'{rate:.0e}'.replace('e-0', 'e-') for rate in rates)], rows)}\n\n"
        f"With check bits, over all units and rates:\n\n{table(head, guarded)}"
    )


def _is(row: dict[str, Any], unit: str, rate: float) -> bool:
    return bool(row["unit"] == unit and row["rate"] == rate)


def _cell(row: dict[str, Any]) -> str:
    low, high = row["silent_interval"]
    shares = f"{100 * row['accuracy']:.1f} / {100 * row['silent']:.2f}"
    return f"{shares} ({100 * low:.2f}-{100 * high:.2f})"


def _guarded(found: dict[str, Any], cost: dict[str, Any]) -> list[str]:
    rows = [row for row in found["rows"] if row["protection"] == cost["protection"]]
    most = [f"{100 * max(row[name] for row in rows):.2f}" for name in ("silent", "detected")]
    price = [f"{cost['nanojoule_per_input']:,.1f}", f"{cost['area_mm2']:.2f}"]
    return [cost["protection"], *most, *price]
