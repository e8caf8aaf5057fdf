"""The greedy search: the step with the largest gain per expected loss of accuracy comes first."""

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
"""Evaluations per layer after which no layer starts anew."""

FINEST = 1.1
"""Neighbouring densities are not refined when they are this factor or less apart."""


class Walk:
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

    def saves(self, trial: Trial, than: Point) -> bool:
        """Return whether a setting costs less than a point; its accuracy is not looked at."""
        return self.value(self.costs.total(trial)) < self.value(than.cost)

    def score(self, trial: Trial) -> float:
        """Try a setting; return its cost, or if it is not accurate enough, more than any cost.

        Once the best is accurate enough, a setting of which the analytical model alone says that it
        takes more cycles is neither compressed nor evaluated.
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
                trial = {**now.trial, layer: setting}
                # A layer that the scan holds up costs the same at any density.
                if self.saves(trial, now) and self.is_better(point := self.evaluate(trial), now):
                    now = point
                else:
                    low = middle
        return now
