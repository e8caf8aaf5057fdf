"""`Pruning`: the designs that the analytical model rules out, given the outcomes so far.

Designs that differ only in `TIMING_SIZES` form a family; they have the same accuracy. In a family,
a measured design rules out another design if the model estimates the other to be worse in some
objective by more than `MARGIN`, and alike in the rest. The exact engine checks the model: it also
measures the closest of a family's ruled-out designs, and measures the whole family if the model
put two measured designs in the wrong order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eie_backend.sweep.bench import Outcome
from eie_backend.sweep.space import Design

MARGIN, ALIKE = 0.1, 0.002
"""Relative differences of estimates: above `MARGIN` one is worse, up to `ALIKE` they are alike."""

EXACT = frozenset({"accuracy", "area"})
"""Objectives without model error; within a family the accuracy is constant."""


class Pruning:
    """Conclusions from the measured outcomes about the other designs.

    Parameters
    ----------
    estimates : mapping of Design to Outcome
        The analytical model's outcomes of all designs.
    measured : mapping of Design to Outcome
        Exact outcomes of some designs.
    objectives : sequence of str
        The objectives that decide which designs are better.
    """

    def __init__(
        self,
        estimates: Mapping[Design, Outcome],
        measured: Mapping[Design, Outcome],
        objectives: Sequence[str],
    ) -> None:
        self._estimates, self._measured = estimates, measured
        self._objectives = [name for name in objectives if name != "accuracy"]
        self._margins = np.array([0 if name in EXACT else MARGIN for name in self._objectives])
        families: defaultdict[str, list[Design]] = defaultdict(list)
        for design in estimates:
            if design in measured and not measured[design].error:
                families[design.family].append(design)
        self._families = {name: self._family(members) for name, members in families.items()}

    def rules_out(self, design: Design) -> bool:
        """Return whether a measured design of the family is certainly better."""
        family = self._families.get(design.family)
        return (
            family is not None
            and family.is_trusted
            and any(self.is_worse(design, member) for member in family.members)
        )

    def expected(self, design: Design) -> Outcome:
        """Return the expected outcome of a design that is ruled out.

        It is the model's estimate, scaled by the family's ratio of measured to estimated outcomes.
        """
        family, modelled = self._families[design.family], self._estimates[design]
        return Outcome(
            family.accuracy,
            modelled.cycles * family.cycles,
            modelled.energy * family.energy,
            modelled.area,
        )

    def next(self) -> list[Design]:
        """Return the designs to measure next; empty if all are measured or ruled out."""
        left: defaultdict[str, list[Design]] = defaultdict(list)
        out: defaultdict[str, list[Design]] = defaultdict(list)
        for design in self._estimates:
            if design not in self._measured:
                (out if self.rules_out(design) else left)[design.family].append(design)
        chosen: set[Design] = set()
        for members in left.values():
            chosen.update(
                design
                for design in members
                if not any(self.is_worse(design, other) for other in members)
            )
        for name, members in out.items():
            if name not in left and not self._families[name].is_confirmed:
                chosen.add(min(members, key=lambda design: self._estimates[design].cycles))
        return [design for design in self._estimates if design in chosen]

    def is_worse(self, design: Design, than: Design) -> bool:
        """Return whether the model finds a design worse than another by more than its error."""
        mine, other = self._values(self._estimates[design]), self._values(self._estimates[than])
        lower = other < mine * (1 - self._margins)
        alike = (other <= mine) & (other > mine * (1 - ALIKE))
        return bool(np.all(lower | alike) and np.any(lower))

    def _family(self, members: list[Design]) -> _Family:
        exact = [self._measured[design] for design in members]
        modelled = [self._estimates[design] for design in members]
        ordered = [pair for pair in permutations(members, 2) if self.is_worse(*pair)]
        # Several accuracies show that the design's accuracy depends on the sizes after all.
        is_trusted = len({outcome.accuracy for outcome in exact}) == 1 and all(
            np.all(self._values(self._measured[than]) <= self._values(self._measured[worse]))
            for worse, than in ordered
        )
        return _Family(
            members,
            is_trusted=is_trusted,
            is_confirmed=bool(ordered),
            accuracy=exact[0].accuracy,
            cycles=sum(one.cycles for one in exact) / sum(one.cycles for one in modelled),
            energy=sum(one.energy for one in exact) / sum(one.energy for one in modelled),
        )

    def _values(self, outcome: Outcome) -> NDArray[np.float64]:
        return np.array([getattr(outcome, name) for name in self._objectives])


class _Family(NamedTuple):
    """A family's measured designs.

    `is_confirmed`: the model orders at least two of them. `is_trusted`: no order of it is wrong.
    `cycles` and `energy` are ratios of measured to estimated values.
    """

    members: list[Design]
    is_trusted: bool
    is_confirmed: bool
    accuracy: float
    cycles: float
    energy: float
