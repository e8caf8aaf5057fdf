"""A design's outcome as a trial's attributes, with a checksum: a flipped bit does not pass for it.

A database checks no values. The checksum is over the design, the error and all values, to the last
bit; studies that are older than it have none, and say so by not bearing `SEALED`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from eie_backend.simulator.saturation import Saturated
from eie_backend.sweep.bench import Outcome

DIRECTIONS = {"accuracy": "maximize", "cycles": "minimize", "energy": "minimize"}
DIRECTIONS |= {"area": "minimize"}
"""Values of a trial with Optuna's directions; a trial has all values, whatever the objectives."""

DESIGN = "design"
ERROR = "error"
SATURATED = "saturated"
"""Attribute of a design whose values do not fit their formats: JSON, a row by layer."""

CHECKSUM = "sha256"
SEALED = "sealed"
"""Attribute of a study all of whose trials have checksums."""


def values(outcome: Outcome) -> list[float] | None:
    """Return a trial's values, or None for a design that failed."""
    numbers = asdict(outcome)
    return None if outcome.error else [float(numbers[name]) for name in DIRECTIONS]


def sealed(key: str, outcome: Outcome) -> dict[str, str]:
    """Return a trial's attributes."""
    attributes = {DESIGN: key, CHECKSUM: _checksum(key, outcome)}
    if outcome.saturated:
        attributes[SATURATED] = json.dumps(outcome.saturated)
    return attributes | ({ERROR: outcome.error} if outcome.error else {})


def unsealed(
    attributes: Mapping[str, Any], numbers: Sequence[float] | None, is_sealed: bool
) -> tuple[str, Outcome] | None:
    """Return the design's key and outcome of a trial, or None if it is not of a sweep.

    Parameters
    ----------
    attributes, numbers
        The trial's, as stored.
    is_sealed : bool
        Whether all trials of the study have checksums; of an older study, those that have one are
        checked.

    Raises
    ------
    ValueError
        If the trial is not as it was stored; the message says why.
    """
    key, error = attributes.get(DESIGN), attributes.get(ERROR, "")
    many = attributes.get(SATURATED, "[]")
    if key is None and not is_sealed:
        return None
    if not (isinstance(key, str) and isinstance(error, str) and isinstance(many, str)):
        raise ValueError("its design is missing")
    outcome = Outcome(error=error)
    if not error:
        if numbers is None or len(numbers) != len(DIRECTIONS):
            raise ValueError("values are missing")
        accuracy, cycles, energy, area = numbers
        outcome = Outcome(accuracy, cycles, energy, area, saturated=_layers(many))
    if CHECKSUM not in attributes and is_sealed:
        raise ValueError("its checksum is missing")
    if CHECKSUM in attributes and attributes[CHECKSUM] != _checksum(key, outcome):
        raise ValueError("its checksum is that of other values")
    return key, outcome


def _layers(text: str) -> tuple[Saturated, ...]:
    """Return the layers that `SATURATED` names.

    Raises
    ------
    ValueError
        If it names none, but something else.
    """
    try:
        return tuple(Saturated(str(name), *map(int, row)) for name, *row in json.loads(text))
    except (OverflowError, TypeError, ValueError) as error:
        raise ValueError("its saturated layers are no rows") from error


def _checksum(key: str, outcome: Outcome) -> str:
    numbers = [number.hex() for number in values(outcome) or ()]
    whole: list[Any] = [key, outcome.error, numbers]
    if outcome.saturated:  # without, as in studies from before it
        whole.append(outcome.saturated)
    return hashlib.sha256(json.dumps(whole).encode()).hexdigest()
