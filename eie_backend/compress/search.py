"""`search`: densities and bits that make a network small, or fast, within an accuracy budget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import Literal

from numpy.typing import ArrayLike
from tvm import IRModule

from eie_backend.calibration import Data
from eie_backend.compress.costs import Cost, Costs
from eie_backend.compress.evaluate import Evaluator, Metric
from eie_backend.compress.sensitivity import (
    BITS,
    DENSITIES,
    Progress,
    Sensitivity,
    sensitivity,
    silent,
)
from eie_backend.compress.trials import Setting, Trial, Trials, recipe_of
from eie_backend.config import HardwareConfig
from eie_backend.errors import ModelError, RecipeError
from eie_backend.recipe import Method, Recipe

Objective = Literal["size", "cycles"]
FIELDS = ("density", "bits")
OBJECTIVES: tuple[Objective, ...] = ("size", "cycles")

ENOUGH = 40
"""Evaluations per layer after which no layer starts anew."""

FINEST = 1.1
"""Neighbouring densities are not refined when they are this factor or less apart."""


@dataclass(frozen=True)
class Point:
    """A setting of all layers, what accuracy the network has with it, and what it costs."""

    trial: Trial
    accuracy: float
    cost: Cost


@dataclass(frozen=True)
class SearchResult:
    """What `search` found.

    Attributes
    ----------
    recipe : Recipe
        The cheapest recipe within the budget.
    best : Point
        Its settings, accuracy and cost.
    dense : Point
        The network as it was, in float32.
    points : tuple of Point
        Everything that was tried with all layers compressed, in order, the best included.
    sensitivity : Sensitivity
        The table that led the search.
    objective : str
        What was to be least.
    least_accuracy : float
        The budget.
    """

    recipe: Recipe
    best: Point
    dense: Point
    points: tuple[Point, ...]
    sensitivity: Sensitivity
    objective: Objective
    least_accuracy: float


def search(
    mod: IRModule,
    data: Data,
    labels: ArrayLike,
    max_drop: float,
    objective: Objective = "size",
    config: HardwareConfig | None = None,
    *,
    method: Method = "magnitude",
    metric: Metric | None = None,
    cache: str | PathLike[str] | None = None,
    explore: int = 0,
    progress: Progress = silent,
) -> SearchResult:
    """Find densities and bits for every layer of a network.

    The sensitivity table says what a layer's next lower density, or one bit less, will cost. Step
    by step, the layer with the largest gain per expected loss takes its step; the accuracy with all
    layers compressed decides whether it stays. Then densities between the last good one and the
    first bad one are tried. Last, one layer after another is made dense again, to see whether the
    others make more of the accuracy that this frees before it follows them.

    Parameters
    ----------
    mod : IRModule
        A Relax module with constant weights.
    data : array or mapping of str to array
        Samples as for `calibrate`.
    labels : array_like, shape (samples,), integers
        The class of each sample.
    max_drop : float
        Accuracy that may be lost, in the metric's unit: 0.001 is 0.1 percentage points.
    objective : {"size", "cycles"}
        What is to be least: bytes of the weights in a ``.eiez`` file, or the machine's cycles per
        sample.
    config : HardwareConfig, optional
        The machine, whose codebook limits the bits.
    method : {"magnitude", "balanced"}
        How weights are chosen, as in `Recipe`.
    metric : callable, optional
        As for `Evaluator`.
    cache : path, optional
        Folder for the accuracies found; a search that was interrupted goes on from there.
    explore : int
        Trials of Optuna's sampler after that (extra ``explore``).
    progress : callable
        Told about every evaluation.

    Returns
    -------
    SearchResult

    Raises
    ------
    RecipeError
        If no recipe that was tried keeps the accuracy, or an argument is impossible.
    InputError
        If data or labels do not fit the model.
    ModelError
        If the model has no layers, or cycles are to be least and the machine runs none.

    Notes
    -----
    **Source**: design choice. Compiled with ``winograd="never"``, the recipe gives what was tried.
    """
    trials = Trials(Evaluator(mod, data, labels, metric), cache=cache, method=method, config=config)
    return search_trials(trials, max_drop, objective, explore, progress)


def search_trials(
    trials: Trials,
    max_drop: float,
    objective: Objective = "size",
    explore: int = 0,
    progress: Progress = silent,
) -> SearchResult:
    """Do what `search` does, for a network that is ready to be tried."""
    check_search(objective, max_drop)
    bits = [b for b in BITS if b <= trials.config.codebook_bits]
    table = sensitivity(trials, DENSITIES, bits, progress)
    costs = Costs(trials)
    dense = Point({}, table.accuracy, costs.total({}))
    if objective == "cycles" and not dense.cost.cycles:
        raise ModelError("no layer can run on the machine, so none has cycles: see `explain`")
    walk = _Walk(trials, costs, table, objective, table.accuracy - max_drop, bits, progress)
    walk.run()
    if explore:
        from eie_backend.compress.explore import explore as with_optuna

        with_optuna(walk.score, walk.best.trial, bits, explore)
    best = walk.best
    if best.accuracy < walk.least:
        raise RecipeError(
            f"no recipe keeps the accuracy: {table.accuracy:.2%} may fall by {100 * max_drop:g} "
            f"points, but with all layers shared at {bits[0]} bits it is at best "
            f"{best.accuracy:.2%}; allow a larger drop, a machine with more codebook_bits, or "
            "retrain (eie_backend.compress.torch)"
        )
    return SearchResult(
        recipe_of(best.trial, trials.method),
        best,
        dense,
        tuple(walk.points),
        table,
        objective,
        walk.least,
    )


def check_search(objective: str, max_drop: float) -> None:
    """Refuse what cannot be searched for.

    Raises
    ------
    RecipeError
        With every fault.
    """
    faults = []
    if objective not in OBJECTIVES:
        faults.append(f"objective {objective!r} is none of {', '.join(OBJECTIVES)}")
    if not 0 <= max_drop < float("inf"):
        faults.append(f"max_drop is {max_drop:g}, not a number of at least 0")
    if faults:
        raise RecipeError(f"search: {'; '.join(faults)}")


class _Walk:
    """The search: what it compares with, and all that it tried.

    `points` are those tried, in order, and `best` the cheapest that is accurate enough; while none
    is, the most accurate.
    """

    def __init__(
        self,
        trials: Trials,
        costs: Costs,
        table: Sensitivity,
        objective: Objective,
        least: float,
        bits: Sequence[int],
        progress: Progress,
    ) -> None:
        self.trials, self.costs, self.table = trials, costs, table
        self.objective, self.least, self.bits = objective, least, bits
        self.progress = progress
        self.enough = ENOUGH * len(trials.layers)
        self.points: list[Point] = []
        self.best = self.evaluate({name: Setting(1.0, bits[0]) for name in trials.layers})

    def evaluate(self, trial: Trial) -> Point:
        """Try a setting of all layers."""
        point = Point(trial, self.trials.accuracy(trial), self.costs.total(trial))
        self.points.append(point)
        self.progress("search", min(len(self.points), self.enough), self.enough)
        return point

    def value(self, cost: Cost) -> float:
        """Return what is to be least."""
        return cost.bytes if self.objective == "size" else cost.cycles

    def is_better(self, point: Point, than: Point) -> bool:
        """Return whether a point costs less and is accurate enough, or no worse than `than`."""
        enough = point.accuracy >= min(self.least, than.accuracy)
        return enough and self.value(point.cost) < self.value(than.cost)

    def score(self, trial: Trial) -> float:
        """Try a setting; return its cost, or if it is not accurate enough, more than any cost."""
        point = self.evaluate(trial)
        if self.is_better(point, self.best):
            self.best = point
        shortfall = self.least - point.accuracy
        if shortfall <= 0:
            return self.value(point.cost)
        return self.value(self.costs.total({})) * (1 + shortfall)

    def run(self) -> None:
        """Descend and refine; then, layer by layer, again from where that layer is dense."""
        self.best = self._refined(*self._descended(self.best, set()))
        improved = True
        while improved:
            improved = False
            for layer in self._by_cost(self.best.trial):
                if len(self.points) >= self.enough:
                    return
                start = self.evaluate({**self.best.trial, layer: Setting(1.0, self.bits[0])})
                # A start that is not accurate enough would let its successors be as bad.
                if start.accuracy < min(self.least, self.best.accuracy):
                    continue
                others = self._refined(*self._descended(start, {(layer, f) for f in FIELDS}))
                found = self._refined(*self._descended(others, set()))
                if self.is_better(found, self.best):
                    self.best, improved = found, True

    def _descended(
        self, now: Point, barred: set[tuple[str, str]]
    ) -> tuple[Point, dict[str, float]]:
        """Take steps until each that is left costs too much accuracy or gains nothing.

        Returns
        -------
        tuple of Point and dict
            Where it ends, and by layer the density that was too low.
        """
        too_low: dict[str, float] = {}
        barred = set(barred)
        while steps := list(self._steps(now.trial, barred)):
            _, layer, field, setting = max(steps, key=lambda step: step[0])
            point = self.evaluate({**now.trial, layer: setting})
            if self.is_better(point, now):
                now = point
                continue
            barred.add((layer, field))
            if field == "density":
                too_low[layer] = setting.density
        return now, too_low

    def _steps(
        self, trial: Trial, barred: set[tuple[str, str]]
    ) -> Iterator[tuple[float, str, str, Setting]]:
        """Yield every layer's next steps: gain per expected loss, layer, field and setting."""
        # A loss of less than half a sample cannot be seen.
        least_loss = 0.5 / self.trials.evaluator.samples
        for layer, now in trial.items():
            value, loss = self.value(self.costs.of(layer, now)), self.table.loss(layer, now)
            for field, settings in self._lower(layer, now).items():
                # The next that gains: a layer that arrives pruned has nothing to lose at first.
                gains = ((s, value - self.value(self.costs.of(layer, s))) for s in settings)
                step = next(((s, gain) for s, gain in gains if gain > 0), None)
                if step is not None and (layer, field) not in barred:
                    setting, gain = step
                    expected = self.table.loss(layer, setting) - loss
                    yield gain / max(expected, least_loss), layer, field, setting

    def _lower(self, layer: str, now: Setting) -> dict[str, list[Setting]]:
        densities = [d for d in self.table.densities[layer] if d < now.density]
        bits = [b for b in self.bits if now.bits is not None and b < now.bits]
        return {
            "density": [replace(now, density=d) for d in sorted(densities, reverse=True)],
            "bits": [replace(now, bits=b) for b in sorted(bits, reverse=True)],
        }

    def _by_cost(self, trial: Trial) -> list[str]:
        """Return the layers, the one that costs least first."""
        return sorted(trial, key=lambda name: self.value(self.costs.of(name, trial[name])))

    def _refined(self, now: Point, too_low: dict[str, float]) -> Point:
        """Halve, on a logarithmic scale, the distance to each density that was too low."""
        # The layer that still costs most first: what it gains, others cannot.
        for layer in reversed(self._by_cost({name: now.trial[name] for name in too_low})):
            low = too_low[layer]
            while now.trial[layer].density > FINEST * low:
                middle = float(f"{(now.trial[layer].density * low) ** 0.5:.3g}")
                setting = replace(now.trial[layer], density=middle)
                point = self.evaluate({**now.trial, layer: setting})
                if self.is_better(point, now):
                    now = point
                else:
                    low = middle
        return now
