"""`Sums`: energies of a layer's values and errors, sample by sample, over any number of runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from eie_backend.fidelity.measure import Distances, Fidelity, distances

KINDS = ("total", "own", "inherited")
"""Errors of a layer: of the whole run, of exact inputs, and what wrong inputs change."""


@dataclass(eq=False)
class Sums:
    """Energies (samples,) of a layer's float results, and of each kind of error.

    `largest` are the largest differences by kind, `rows` the vectors that were compared.
    """

    samples: int
    signal: NDArray[np.float64] = field(init=False)
    noise: dict[str, NDArray[np.float64]] = field(init=False)
    largest: dict[str, float] = field(init=False)
    rows: int = 0

    def __post_init__(self) -> None:
        self.signal = np.zeros(self.samples)
        self.noise = {kind: np.zeros(self.samples) for kind in KINDS}
        self.largest = dict.fromkeys(KINDS, 0.0)

    def add(
        self,
        at: slice,
        exact: NDArray[np.float32],
        run: NDArray[np.float32],
        own: NDArray[np.float32],
    ) -> None:
        """Add rows of the samples `at`: float, the whole run's, those of exact inputs.

        Rows are those of the samples in turn if their number is a multiple; otherwise each sample
        has them all.
        """
        samples = at.stop - at.start
        # A third axis says that these are no classes.
        y, found, alone = (values[:, :, None] for values in (exact, run, own))
        pairs = {"total": (found, y), "own": (alone, y), "inherited": (found, alone)}
        for kind, (one, other) in pairs.items():
            distance = distances([one], [other], samples)
            self.noise[kind][at] += distance.noise[0]
            self.largest[kind] = max(self.largest[kind], distance.largest)
            if kind == "total":
                self.signal[at] += distance.signal[0]
        self.rows += len(exact)

    def fidelity(self, kind: str) -> Fidelity:
        """Return the measure of a kind of error, relative to the float results."""
        noise = self.noise[kind]
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = np.where(noise == 0, 0.0, np.sqrt(noise / self.signal))
        return Distances(
            self.signal[None], noise[None], relative[None], self.largest[kind], None
        ).fidelity()

    @classmethod
    def together(cls, parts: Sequence[Sums]) -> Sums:
        """Return the sums of several layers, as if they were one."""
        found = cls(parts[0].samples)
        for part in parts:
            found.signal += part.signal
            for kind in KINDS:
                found.noise[kind] += part.noise[kind]
                found.largest[kind] = max(found.largest[kind], part.largest[kind])
            found.rows += part.rows
        return found
