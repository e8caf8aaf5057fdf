"""`sensitivity`: the accuracy of a network with one layer compressed and all others unchanged."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from eie_backend.compress.findings import Sensitivity, Setting
from eie_backend.recipe import Recipe
from eie_backend.search.trials import Trials

DENSITIES = (0.7, 0.5, 0.35, 0.25, 0.17, 0.12, 0.08, 0.05, 0.035, 0.025)
"""Densities to try, each about 0.7 times the one before."""

BITS = (8, 7, 6, 5, 4, 3, 2)

Progress = Callable[[str, int, int], None]
"""Callback with a description, the number of evaluations done, and their total."""


def silent(_what: str, _done: int, _total: int) -> None:
    """Ignore progress."""


def sensitivity(
    trials: Trials,
    densities: Sequence[float] = DENSITIES,
    bits: Sequence[int] = BITS,
    progress: Progress = silent,
) -> Sensitivity:
    """Measure the accuracy as a function of each layer's density, and of its bits.

    An interrupted scan continues where it stopped if `trials` has a cache.

    Parameters
    ----------
    trials : Trials
        The network, its samples and its cache.
    densities : sequence of float
        Densities to try, in (0, 1]; densities that would empty a layer are skipped for it.
    bits : sequence of int
        Codebook bits to try, 1 to 8.
    progress : callable
        Called for every evaluation.

    Raises
    ------
    RecipeError
        If a density or a number of bits is impossible; all faults at once.

    Notes
    -----
    **Source**: Learning both Weights and Connections (NIPS 2015), section 5 and figure 6.
    """
    # A recipe with these values checks them.
    Recipe({str(d): d for d in densities}, {str(b): b for b in bits})
    wanted = [
        (name, setting)
        for name in trials.layers
        for setting in (
            *(Setting(d) for d in densities if trials.keeps_one(name, d)),
            *(Setting(bits=b) for b in bits),
        )
    ]
    accuracy = trials.accuracy({})
    found: dict[str, dict[Setting, float]] = {name: {} for name in trials.layers}
    for done, (name, setting) in enumerate(wanted):
        progress("sensitivity", done, len(wanted))
        found[name][setting] = trials.accuracy({name: setting})
    progress("sensitivity", len(wanted), len(wanted))
    return Sensitivity(
        accuracy,
        {n: {s.density: a for s, a in row.items() if s.bits is None} for n, row in found.items()},
        {n: {s.bits: a for s, a in row.items() if s.bits} for n, row in found.items()},
    )
