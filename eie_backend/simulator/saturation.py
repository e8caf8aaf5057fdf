"""`tell_saturated`: how users learn that values of a run did not fit their formats."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from eie_backend.errors import SaturationWarning
from eie_backend.isa.counters import COUNTERS, SATURATIONS
from eie_backend.runtime import ProfileRow
from eie_backend.simulator.not_finite import Counts, only_bad, outside

ALLOWED = 1e-3
"""Saturations for each value that a layer writes, up to which nothing is told: fewer are what a
calibration on other samples leaves, and change results less than the formats round them."""

_NAMES = [counter.name for counter in COUNTERS]


class Saturated(NamedTuple):
    """A layer's values that did not fit, by kind, and all values that it wrote."""

    layer: str
    input: int
    accumulator: int
    output: int
    values: int

    @property
    def share(self) -> float:
        """Saturations for each value."""
        return sum(self[1:4]) / max(self.values, 1)


def saturated(rows: Iterable[ProfileRow]) -> list[Saturated]:
    """Return the layers of a recorded run in which values saturated."""
    found = []
    for row in rows:
        counters = dict(zip(_NAMES, row.counters, strict=True))
        inputs, sums, results = (counters[kind.name] for kind in SATURATIONS)
        if row.layer and any((inputs, sums, results)):
            found.append(Saturated(row.layer, inputs, sums, results, counters["act_writes"]))
    return found


def tell_saturated(rows: Iterable[ProfileRow], counts: Counts) -> None:
    """Warn of layers with more than `ALLOWED` saturations, at the caller's line outside eie.

    `counts` are those of the inputs: of what NaN and infinity do, `tell` warns.
    """
    if only_bad(counts):
        return
    if many := [one for one in saturated(rows) if one.share > ALLOWED]:
        message = (
            f"values do not fit their number formats: {sentence(many)}; compile with sample inputs "
            "like these (--calibrate, calibration=), or with another arithmetic"
        )
        told = SaturationWarning(message, [one._asdict() for one in many])
        warnings.warn(told, stacklevel=outside())


def sentence(many: Sequence[Saturated]) -> str:
    """Return the counts in words, for example ``fc1: 12 sums (300 values written)``."""
    return "; ".join(f"{one.layer}: {_kinds(one)} ({one.values:,} values written)" for one in many)


def _kinds(one: Saturated) -> str:
    kinds = {"inputs": one.input, "sums": one.accumulator, "results": one.output}
    return ", ".join(f"{count:,} {kind}" for kind, count in kinds.items() if count)
