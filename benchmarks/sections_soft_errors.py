"""Section of the page on soft errors: text, a table of each network, and the cost of codes."""

from __future__ import annotations

from typing import Any

from sections import Result, table

SHOWN = 1e-5
"""Flips per bit for which the effect of the codes is shown."""

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
    head = ["protection", "silent %, at most", "corrected % at 1e-5", "detected % at 1e-5"]
    head += ["nJ per input", "mm²"]
    return (
        f"**{TITLES[name]}**: {found['digits']} digits, {found['trials']} trials of each rate, "
        f"{100 * found['accuracy']:.2f} % right without flips. Per unit and flips per bit: the "
        "answers that are right and, after the slash, silently wrong, in percent; in brackets the "
        "95 % interval of the latter.\n\n"
        f"{table(['unit', *(f'{rate:.0e}'.replace('e-0', 'e-') for rate in rates)], rows)}\n\n"
        "With check bits: answers silently wrong at the worst unit and rate, and inputs with a "
        f"corrected and with a detected error, from unit to unit.\n\n{table(head, guarded)}"
    )


def _is(row: dict[str, Any], unit: str, rate: float) -> bool:
    return bool(row["unit"] == unit and row["rate"] == rate)


def _cell(row: dict[str, Any]) -> str:
    low, high = row["silent_interval"]
    shares = f"{100 * row['accuracy']:.1f} / {100 * row['silent']:.2f}"
    return f"{shares} ({100 * low:.2f}-{100 * high:.2f})"


def _guarded(found: dict[str, Any], cost: dict[str, Any]) -> list[str]:
    rows = [row for row in found["rows"] if row["protection"] == cost["protection"]]
    cells = [f"{100 * max(row['silent'] for row in rows):.2f}"]
    for name in ("corrected", "detected"):
        shares = [100 * row[name] for row in rows if row["rate"] == SHOWN]
        cells.append(f"{min(shares):.1f} to {max(shares):.1f}")
    return [
        cost["protection"],
        *cells,
        f"{cost['nanojoule_per_input']:,.1f}",
        f"{cost['area_mm2']:.2f}",
    ]
