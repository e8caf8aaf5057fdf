"""`Training`: rounds, epochs and learning rates of retraining."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from eie_backend.errors import TrainingError


@dataclass(frozen=True)
class Training:
    """Settings of `retrain`.

    Parameters
    ----------
    rounds : int, optional
        Rounds of pruning and retraining, at least 0; by default as many as the schedules of the
        recipe's layers take.
    prune_epochs, share_epochs : int
        Epochs of every round, and with shared weights; at least 0.
    learning_rate_factor, share_learning_rate_factor : float
        Factors of the optimizer's learning rates in the rounds, and with shared weights.
    regrow : bool
        Whether pruned weights continue to learn, so that a later mask can restore them.
    prune_every : int, optional
        Number of batches after which masks are updated, at the density that the schedule has
        reached between two rounds. By default they are set once, at the start of a round.

    Raises
    ------
    TrainingError
        If a value is impossible; all faults are reported at once.

    Notes
    -----
    **Source**: Learning both Weights and Connections, section 4: LeNets are retrained at 1/10 of
    the learning rate; Deep Compression states none for shared weights.
    """

    rounds: int | None = None
    prune_epochs: int = 1
    share_epochs: int = 1
    learning_rate_factor: float = 0.1
    share_learning_rate_factor: float = 0.1
    regrow: bool = False
    prune_every: int | None = None

    def __post_init__(self) -> None:
        faults = [
            f"{name} = {value!r} is not {_ALLOWED[name][0]}"
            for name, value in asdict(self).items()
            if not _ALLOWED[name][1](value)
        ]
        if self.prune_every is not None and self.prune_epochs == 0:
            faults.append("prune_every needs prune_epochs of at least 1")
        if faults:
            raise TrainingError("impossible Training: " + "; ".join(faults) + "; correct them")


def _is_int(value: object, low: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= low


def _is_factor(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return 0 < value < float("inf")


_ALLOWED: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "rounds": ("an integer of at least 0, or None", lambda v: v is None or _is_int(v, 0)),
    "prune_epochs": ("an integer of at least 0", lambda v: _is_int(v, 0)),
    "share_epochs": ("an integer of at least 0", lambda v: _is_int(v, 0)),
    "learning_rate_factor": ("a number above 0", _is_factor),
    "share_learning_rate_factor": ("a number above 0", _is_factor),
    "regrow": ("a bool", lambda v: isinstance(v, bool)),
    "prune_every": ("an integer of at least 1, or None", lambda v: v is None or _is_int(v, 1)),
}
