"""`Pruning`: which designs the analytical model rules out, given what was measured so far.

Designs that differ only in sizes which change no value have one accuracy: a family. In a family, a
design is ruled out when a measured one beats the best that it can be expected to give: the model's
cycles and energy, times the lowest ratio of measured to modelled that the family has shown, less
`SLACK`. And that is believed only once the family has a measured design that is beaten.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eie_backend.sweep.bench import Outcome
from eie_backend.sweep.front import costs, front, is_beaten
from eie_backend.sweep.space import Design

SLACK = 0.1
"""Share by which a ratio may fall below the lowest that was seen."""


class Pruning:
    """What the measured outcomes say of the others.

    Parameters
    ----------
    estimates : mapping of Design to Outcome
        The analytical model's, of all designs.
    measured : mapping of Design to Outcome
        Exact outcomes of some of them.
    objectives : sequence of str
        What makes a design better.
    """

    def __init__(
        self,
        estimates: Mapping[Design, Outcome],
        measured: Mapping[Design, Outcome],
        objectives: Sequence[str],
    ) -> None:
        self._estimates, self._measured, self._objectives = estimates, measured, objectives
        families: defaultdict[str, dict[Design, Outcome]] = defaultdict(dict)
        for design, exact in measured.items():
            if not exact.error:
                families[design.family][design] = exact
        self._families = {name: self._family(members) for name, members in families.items()}

    def _family(self, measured: Mapping[Design, Outcome]) -> _Family:
        ratios = [
            (exact.cycles / modelled.cycles, exact.energy / modelled.energy)
            for design, exact in measured.items()
            if (modelled := self._estimates.get(design))
        ]
        accuracies = {exact.accuracy for exact in measured.values()}
        table = np.array([costs(exact, self._objectives) for exact in measured.values()])
        return _Family(
            # With several accuracies, sizes were not all that mattered.
            accuracy=accuracies.pop() if len(accuracies) == 1 else None,
            ratios=np.min(ratios, axis=0) * (1 - SLACK) if ratios else np.zeros(2),
            costs=table,
            has_beaten=any(is_beaten(row, table) for row in table),
        )

    def at_best(self, design: Design) -> Outcome | None:
        """Return the best that a design can be expected to give; None if nothing is known."""
        family, modelled = self._families.get(design.family), self._estimates.get(design)
        if family is None or family.accuracy is None or modelled is None:
            return None
        cycles, energy = family.ratios
        return Outcome(
            family.accuracy, modelled.cycles * cycles, modelled.energy * energy, modelled.area
        )

    def rules_out(self, design: Design) -> bool:
        """Return whether a measured design of the family beats the best that this one can give."""
        best = self.at_best(design)
        return best is not None and is_beaten(
            costs(best, self._objectives), self._families[design.family].costs
        )

    def next(self) -> list[Design]:
        """Return what to measure next; empty when every design is measured or ruled out.

        Of each family: the front of the estimates that are left, or, when none is left and no
        measured design is beaten, the nearest of those ruled out.
        """
        left: defaultdict[str, dict[Design, Outcome]] = defaultdict(dict)
        out: defaultdict[str, list[Design]] = defaultdict(list)
        for design, modelled in self._estimates.items():
            if design in self._measured:
                continue
            if self.rules_out(design):
                out[design.family].append(design)
            else:
                left[design.family][design] = replace(modelled, accuracy=0.0)
        chosen = {design for family in left.values() for design in front(family, self._objectives)}
        for name, designs in out.items():
            if name not in left and not self._families[name].has_beaten:
                chosen.add(min(designs, key=lambda design: self._estimates[design].cycles))
        return [design for design in self._estimates if design in chosen]


class _Family(NamedTuple):
    """What is known of a family: the measured costs, and the lowest ratios to the model's."""

    accuracy: float | None
    ratios: NDArray[np.float64]
    costs: NDArray[np.float64]
    has_beaten: bool
