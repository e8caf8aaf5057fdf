"""`tell_saturated`: how users learn that values of a run did not fit their formats."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from eie_backend.errors import SaturationWarning
from eie_backend.isa.counters import ALLOWED_SATURATIONS, COUNTERS, SATURATIONS
from eie_backend.runtime import ProfileRow
from eie_backend.simulator.not_finite import Counts, only_bad, outside

REMEDY = (
    "compile with sample inputs like these (--calibrate, calibration=), or with another arithmetic"
)

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
    rows_of_layers = (row for row in rows if row.layer)
    return in_layers(
        (row.layer, dict(zip(_NAMES, row.counters, strict=True))) for row in rows_of_layers
    )


def in_layers(layers: Iterable[tuple[str, Mapping[str, int]]]) -> list[Saturated]:
    """Return those of some layers, given by name and counters, in which values saturated."""
    found = []
    for name, counters in layers:
        inputs, sums, results = (counters[kind.name] for kind in SATURATIONS)
        if any((inputs, sums, results)):
            found.append(Saturated(name, inputs, sums, results, counters["act_writes"]))
    return found


def too_many(found: Iterable[Saturated]) -> list[Saturated]:
    """Return the layers with more than `ALLOWED_SATURATIONS`, which users are told of."""
    return [one for one in found if one.share > ALLOWED_SATURATIONS]


def tell_saturated(rows: Iterable[ProfileRow], counts: Counts) -> None:
    """Warn of layers with too many, at the caller's line outside eie.

    `counts` are those of the inputs: of what NaN and infinity do, `tell` warns.
    """
    many = too_many(saturated(rows))
    if many and not only_bad(counts):
        warnings.warn(warning_of(many), stacklevel=outside())


def warning_of(many: Sequence[Saturated]) -> SaturationWarning:
    """Return what users are told of layers."""
    return SaturationWarning(
        f"values do not fit their number formats: {sentence(many)}; {REMEDY}",
        [one._asdict() for one in many],
    )


def sentence(many: Sequence[Saturated]) -> str:
    """Return the counts in words, for example ``fc1: 12 sums (300 values written)``."""
    return "; ".join(f"{one.layer}: {_kinds(one)} ({one.values:,} values written)" for one in many)


def _kinds(one: Saturated) -> str:
    kinds = {"inputs": one.input, "sums": one.accumulator, "results": one.output}
    return ", ".join(f"{count:,} {kind}" for kind, count in kinds.items() if count)
