"""The greedy search: take the step with the largest gain per expected loss of accuracy first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from eie_backend.compress.findings import Cost, Point, Sensitivity, Setting, Trial
from eie_backend.machine.choices import Objective
from eie_backend.search.costs import Costs
from eie_backend.search.sensitivity import Progress
from eie_backend.search.trials import Trials

FIELDS = ("density", "bits")

ENOUGH = 40
"""Evaluations per layer after which no layer is restarted from density 1."""

FINEST = 1.1
"""Neighbouring densities are not refined if their ratio is at most this factor."""


class Walk:
    """The state of the search: its start, its limits, and all points that it tried.

    `points` are the tried points in order. `best` is the cheapest point that is accurate enough,
    or, if there is none yet, the most accurate point.
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
        """Return the value to minimise."""
        return cost.bytes if self.objective == "size" else cost.cycles

    def is_better(self, point: Point, than: Point) -> bool:
        """Return whether a point costs less and is accurate enough, or as accurate as `than`."""
        enough = point.accuracy >= min(self.least, than.accuracy)
        return enough and self.value(point.cost) < self.value(than.cost)

    def saves(self, trial: Trial, than: Point) -> bool:
        """Return whether a setting costs less than a point, regardless of accuracy."""
        return self.value(self.costs.total(trial)) < self.value(than.cost)

    def score(self, trial: Trial) -> float:
        """Try a setting; return its cost, or, if it is not accurate enough, more than any cost.

        Once the best point is accurate enough, a setting that takes more cycles by the analytical
        model alone is neither compressed nor evaluated.
        """
        too_much = self.value(self.costs.total({}))
        settled = self.objective == "cycles" and self.best.accuracy >= self.least
        if settled and self.costs.least_cycles(trial) >= self.best.cost.cycles:
            return too_much
        point = self.evaluate(trial)
        if self.is_better(point, self.best):
            self.best = point
        shortfall = self.least - point.accuracy
        if shortfall <= 0:
            return self.value(point.cost)
        return too_much * (1 + shortfall)

    def run(self) -> None:
        """Descend and refine; then restart from a dense layer, for one layer after another."""
        self.best = self._refined(*self._descended(self.best, set()))
        improved = True
        while improved:
            improved = False
            for layer in self._by_cost(self.best.trial):
                if len(self.points) >= self.enough:
                    return
                start = self.evaluate({**self.best.trial, layer: Setting(1.0, self.bits[0])})
                # From an inaccurate start, `is_better` would accept inaccurate successors.
                if start.accuracy < min(self.least, self.best.accuracy):
                    continue
                others = self._refined(*self._descended(start, {(layer, f) for f in FIELDS}))
                found = self._refined(*self._descended(others, set()))
                if self.is_better(found, self.best):
                    self.best, improved = found, True

    def _descended(
        self, now: Point, barred: set[tuple[str, str]]
    ) -> tuple[Point, dict[str, float]]:
        """Take steps until every remaining step costs too much accuracy or gains nothing.

        Returns
        -------
        tuple of Point and dict
            The last point, and for each layer the density that was too low.
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
        """Yield the next steps of every layer: gain per expected loss, layer, field and setting."""
        # A loss of less than half a sample cannot be measured.
        least_loss = 0.5 / self.trials.evaluator.samples
        for layer, now in trial.items():
            value, loss = self.value(self.costs.of(layer, now)), self.table.loss(layer, now)
            for field, settings in self._lower(layer, now).items():
                # Find the next step that gains: on a layer already pruned, the first may not.
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
        """Return the layers, cheapest first."""
        return sorted(trial, key=lambda name: self.value(self.costs.of(name, trial[name])))

    def _refined(self, now: Point, too_low: dict[str, float]) -> Point:
        """Bisect, on a logarithmic scale, between each layer's density and the one too low."""
        # Start with the most expensive layer, which can gain most.
        for layer in reversed(self._by_cost({name: now.trial[name] for name in too_low})):
            low = too_low[layer]
            while now.trial[layer].density > FINEST * low:
                middle = float(f"{(now.trial[layer].density * low) ** 0.5:.3g}")
                setting = replace(now.trial[layer], density=middle)
                trial = {**now.trial, layer: setting}
                # A layer limited by the scan of non-zero inputs costs the same at any density.
                if self.saves(trial, now) and self.is_better(point := self.evaluate(trial), now):
                    now = point
                else:
                    low = middle
        return now
