"""The Pareto front: the outcomes that no other outcome dominates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from eie_backend.sweep.bench import Outcome

Key = TypeVar("Key")


def costs(outcome: Outcome, objectives: Sequence[str]) -> NDArray[np.float64]:
    """Return one number to minimise per objective; accuracy is negated."""
    signs = [-1 if name == "accuracy" else 1 for name in objectives]
    return np.array(
        [sign * getattr(outcome, name) for sign, name in zip(signs, objectives, strict=True)]
    )


def front(outcomes: Mapping[Key, Outcome], objectives: Sequence[str]) -> list[Key]:
    """Return the keys of the front, in the order of the mapping, with all equal outcomes.

    Examples
    --------
    >>> made = {"a": Outcome(0.9, 10), "b": Outcome(0.8, 20), "c": Outcome(0.95, 30)}
    >>> front(made, ("accuracy", "cycles"))
    ['a', 'c']
    """
    keys = list(outcomes)
    if not keys:
        return []
    table = np.array([costs(outcomes[key], objectives) for key in keys])
    return [key for key, row in zip(keys, table, strict=True) if not is_beaten(row, table)]


def is_beaten(row: NDArray[np.float64], by: NDArray[np.float64]) -> bool:
    """Return whether a row of `by` dominates `row`: never higher, and lower at least once."""
    return bool(np.any((by <= row).all(axis=1) & (by < row).any(axis=1)))
