"""`Comparison`: how far each layer of a compiled network is from the float network's, and why."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from eie_backend.fidelity.measure import Fidelity
from eie_backend.fidelity.told import share
from eie_backend.show.html import table

NUMBERS = ("relative_error", "own_error", "inherited_error", "sqnr_db", "own_sqnr_db")
COLUMNS = ("level", "name", "source", *NUMBERS, "largest_difference", "rows")
"""The columns of the CSV, before the saturations."""

KINDS = ("input", "accumulator", "output")
"""Saturations, by what did not fit."""


@dataclass(frozen=True)
class LayerComparison:
    """A layer of the machine beside the same layer of the float network.

    Attributes
    ----------
    name, source : str
        The layer, and what it is in the model: the same, but for the products of Winograd's
        algorithm.
    relative_error : float or None
        Of its results in the whole run; None, like the other numbers, if it was not compared.
    own_error : float or None
        What the machine makes of the float network's inputs of this layer: the error of its
        weights and number formats alone.
    inherited_error : float or None
        How far its results move because its inputs are the machine's instead: the distance between
        the two, over the norm of the float results. The errors are distances of three points, so
        ``relative_error <= own_error + inherited_error`` for a sample, and less where the two
        make up for each other.
    sqnr_db, own_sqnr_db : float or None
        Signal to quantisation noise in dB, of the whole run and of the layer's own error.
    largest_difference : float or None
        Of any value in the whole run.
    saturations : mapping of str to int
        Values of the whole run that did not fit their formats: input, accumulator, output.
    rows : int
        Vectors that were compared: a convolution has one for each position.
    reason : str
        Why it was not compared; empty if it was.
    parts : tuple of LayerComparison
        The matrices that it has on the machine, if there are several: Winograd's products. Its
        numbers are then those of all together, before the last transform.
    """

    name: str
    source: str
    relative_error: float | None
    own_error: float | None
    inherited_error: float | None
    sqnr_db: float | None
    own_sqnr_db: float | None
    largest_difference: float | None
    saturations: Mapping[str, int]
    rows: int
    reason: str = ""
    parts: tuple[LayerComparison, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """The result of `compare`.

    Attributes
    ----------
    fidelity : Fidelity
        The distance of the model's results.
    layers : tuple of LayerComparison
        The machine's layers, in the model's order.
    samples : int
        Samples that both ran on.
    """

    fidelity: Fidelity
    layers: tuple[LayerComparison, ...]
    samples: int

    @property
    def ranked(self) -> list[LayerComparison]:
        """The layers that were compared, those with the largest own error first."""
        compared = [layer for layer in self.layers if layer.own_error is not None]
        return sorted(compared, key=lambda layer: -(layer.own_error or 0.0))

    @property
    def worst(self) -> LayerComparison | None:
        """The layer that adds the largest error of its own; None if none adds any."""
        return next((layer for layer in self.ranked if layer.own_error), None)

    @property
    def answer(self) -> str:
        """Where the accuracy went, as a sentence."""
        off = f"the results are off by {share(self.fidelity.relative_error)}"
        untold = sum(layer.own_error is None for layer in self.layers)
        end = f"; {untold} of {len(self.layers)} layers were not compared." if untold else "."
        if self.worst is None:
            return f"no layer that was compared adds an error; {off}{end}"
        first, *others = self.ranked
        said = f"{first.name} adds most: {share(first.own_error or 0.0)} of its own on exact inputs"
        if others and others[0].own_error:
            said += f", then {others[0].name}: {share(others[0].own_error)}"
        return f"{said}; {off}{end}"

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain data."""
        return {
            "answer": self.answer,
            "fidelity": self.fidelity.to_dict(),
            "layers": [asdict(layer) for layer in self.layers],
            "samples": self.samples,
            "worst": None if self.worst is None else self.worst.name,
        }

    def to_csv(self) -> str:
        """Return a row for the model, each layer and each part; what is not told is empty."""
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow([*COLUMNS, *(f"{kind}_saturations" for kind in KINDS), "reason"])
        found = self.fidelity
        model = [found.relative_error, "", "", found.sqnr_db, "", found.largest_difference]
        rows.writerow(["model", "", "", *model, *([""] * (len(KINDS) + 2))])
        for level, layer in levels(self.layers):
            numbers = [getattr(layer, name) for name in COLUMNS[1:]]
            told = ["" if value is None else value for value in numbers]
            counts = [layer.saturations[kind] for kind in KINDS]
            rows.writerow([level, *told, *counts, layer.reason])
        return text.getvalue()

    def _repr_html_(self) -> str:
        head = ["layer", "error", "own", "inherited", "SQNR dB", "largest", "saturated"]
        rows: list[list[object]] = [["all results", *self._cells(self.fidelity), ""]]
        for level, layer in levels(self.layers):
            name = f"- {layer.name}" if level == "part" else layer.name
            if layer.reason:
                rows.append([name, layer.reason, *([""] * 5)])
            else:
                saturated = f"{sum(layer.saturations.values()):,}"
                rows.append([name, *self._cells(layer), saturated])
        return table(f"{self.samples:,} samples: {self.answer}", head, rows)

    @staticmethod
    def _cells(found: Fidelity | LayerComparison) -> list[str]:
        own, inherited = (getattr(found, f"{kind}_error", None) for kind in ("own", "inherited"))
        errors = ["" if e is None else share(e) for e in (found.relative_error, own, inherited)]
        return [*errors, f"{found.sqnr_db:.1f}", f"{found.largest_difference:.3g}"]


def levels(layers: Sequence[LayerComparison]) -> Iterator[tuple[str, LayerComparison]]:
    """Yield each layer as "layer", and behind it each of its parts as "part"."""
    for layer in layers:
        yield "layer", layer
        yield from (("part", part) for part in layer.parts)
