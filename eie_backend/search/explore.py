"""`explore`: search around the greedy result with Optuna."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from eie_backend.compress.findings import Setting, Trial
from eie_backend.errors import ExtraError

WIDTH = 2.0
"""Densities are drawn between the start's density divided and multiplied by this factor."""

SEED = 0


def explore(
    score: Callable[[Trial], float],
    start: Trial,
    bits: Sequence[int],
    trials: int,
) -> None:
    """Evaluate settings that Optuna's sampler proposes around a start; the seed is fixed.

    Parameters
    ----------
    score : callable
        Tries a setting of all layers and returns the value to minimise.
    start : mapping of str to Setting
        The first setting that is evaluated.
    bits : sequence of int
        Bits to choose from.
    trials : int
        Number of settings to evaluate.

    Raises
    ------
    ExtraError
        If Optuna is not installed.

    Notes
    -----
    **Source**: Optuna (KDD 2019), tree-structured Parzen estimator.
    """
    try:
        import optuna
    except ImportError as error:
        raise ExtraError(
            "the search with Optuna needs Optuna: pip install '.[explore]' in eie's checkout"
        ) from error

    def objective(trial: Any) -> float:
        chosen = {}
        for name, setting in start.items():
            low, high = setting.density / WIDTH, min(setting.density * WIDTH, 1.0)
            density = trial.suggest_float(f"{name}.density", low, high, log=True)
            chosen[name] = Setting(
                float(f"{density:.3g}"), trial.suggest_categorical(f"{name}.bits", list(bits))
            )
        return score(chosen)

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
    known = {f"{name}.density": setting.density for name, setting in start.items()}
    study.enqueue_trial(known | {f"{name}.bits": setting.bits for name, setting in start.items()})
    study.optimize(objective, n_trials=trials)
