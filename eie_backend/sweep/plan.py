"""Plans: choose the designs to measure next, as a function of the measured outcomes alone.

Therefore an interrupted sweep continues as if it had never stopped, and any number of workers, or
of computers that share a study, measure the same designs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from eie_backend.sweep.bench import Outcome
from eie_backend.sweep.front import costs
from eie_backend.sweep.pruning import Pruning
from eie_backend.sweep.space import (
    Choices,
    Design,
    ParameterPath,
    Range,
    Scalar,
    Space,
    design_of,
    grid,
)
from eie_backend.sweep.spec import Search
from eie_backend.sweep.study import require_optuna

Estimate = Callable[[Design], Outcome]
Values = dict[ParameterPath, Scalar]


class Plan(Protocol):
    """A way to choose the designs of a sweep."""

    @property
    def designs(self) -> Mapping[Design, Values]:
        """The designs known so far, with the values of their parameters."""

    @property
    def total(self) -> int:
        """Total number of designs."""

    def next(self, outcomes: Mapping[str, Outcome]) -> list[Design]:
        """Return the designs to measure next; empty at the end.

        `outcomes` are by the designs' keys.
        """

    def ruled_out(self, outcomes: Mapping[str, Outcome]) -> dict[Design, Outcome]:
        """Return the designs that need no measurement, with their expected outcomes."""


class Grid:
    """Every combination of the choices.

    Parameters
    ----------
    space : Space
        The parameters, none of them a range.
    objectives : sequence of str
        The objectives that decide which designs are better.
    estimate : callable or None
        The analytical model, to rule designs out; with None, all designs are measured.
    """

    def __init__(self, space: Space, objectives: Sequence[str], estimate: Estimate | None) -> None:
        self.designs = {design_of(values): values for values in grid(space)}
        self._objectives = objectives
        self._estimates = None if estimate is None else _estimates(self.designs, estimate)

    @property
    def total(self) -> int:
        """Number of designs."""
        return len(self.designs)

    def next(self, outcomes: Mapping[str, Outcome]) -> list[Design]:
        """Return designs without an estimate first, then those that `Pruning` asks for."""
        unknown = [design for design in self.designs if design.key not in outcomes]
        if self._estimates is None:
            return unknown
        hopeless = [design for design in unknown if design not in self._estimates]
        return hopeless or self._pruning(outcomes).next()

    def ruled_out(self, outcomes: Mapping[str, Outcome]) -> dict[Design, Outcome]:
        """Return the designs that the model rules out, with their expected outcomes."""
        if self._estimates is None:
            return {}
        pruning = self._pruning(outcomes)
        return {
            design: pruning.expected(design)
            for design in self._estimates
            if design.key not in outcomes and pruning.rules_out(design)
        }

    def _pruning(self, outcomes: Mapping[str, Outcome]) -> Pruning:
        assert self._estimates is not None
        measured = {d: outcomes[d.key] for d in self.designs if d.key in outcomes}
        return Pruning(self._estimates, measured, self._objectives)


class Proposals:
    """Designs proposed by Optuna's sampler, in batches; each batch uses all earlier outcomes.

    Parameters
    ----------
    space, objectives, estimate
        As for `Grid`; parameters may be ranges.
    search : Search
        The number of designs, in total and per batch.

    Notes
    -----
    **Source**: Optuna (KDD 2019), the multi-objective tree-structured Parzen estimator.
    """

    def __init__(
        self,
        space: Space,
        objectives: Sequence[str],
        estimate: Estimate | None,
        search: Search,
    ) -> None:
        self._optuna = require_optuna()
        self._space, self._objectives, self._search = space, objectives, search
        self._estimate = estimate
        self.designs: dict[Design, Values] = {}
        self._seen: list[tuple[Values, Outcome]] = []
        self._ruled_out: dict[Design, Outcome] = {}
        self._measured: dict[Design, Outcome] = {}
        self._estimates: dict[Design, Outcome] = {}
        self._batch: list[tuple[Design, Values]] = []

    @property
    def total(self) -> int:
        """Number of proposals; equal ones are measured once."""
        return self._search.trials

    def next(self, outcomes: Mapping[str, Outcome]) -> list[Design]:
        """Return the unmeasured designs of the first incomplete batch."""
        while self._batch or len(self._seen) < self._search.trials:
            if not self._batch:
                self._batch = self._proposed()
                self._rule_out(design for design, _ in self._batch)
            open_ = [design for design, _ in self._batch if design not in self._ruled_out]
            unknown = [design for design in open_ if design.key not in outcomes]
            if unknown:
                return list(dict.fromkeys(unknown))
            self._measured |= {design: outcomes[design.key] for design in open_}
            known = self._measured | self._ruled_out
            self._seen += [(values, known[design]) for design, values in self._batch]
            self._batch = []
        return []

    def ruled_out(self, outcomes: Mapping[str, Outcome]) -> dict[Design, Outcome]:
        """Return the proposals that the model ruled out, with their expected outcomes."""
        return self._ruled_out

    def _rule_out(self, designs: Iterable[Design]) -> None:
        if self._estimate is None:
            return
        new = [design for design in designs if design not in self._estimates]
        self._estimates |= _estimates(new, self._estimate)
        pruning = Pruning(self._estimates, self._measured, self._objectives)
        for design in new:
            if design not in self._measured and pruning.rules_out(design):
                self._ruled_out[design] = pruning.expected(design)

    def _proposed(self) -> list[tuple[Design, Values]]:
        number = len(self._seen)
        # A sampler's state would be lost with the process, so every batch has a new sampler
        # that learns from the trials alone.
        sampler = self._optuna.samplers.TPESampler(
            seed=self._search.seed + number, constant_liar=True
        )
        directions = ["minimize"] * len(self._objectives)
        study = self._optuna.create_study(directions=directions, sampler=sampler)
        names = {".".join(path): path for path in self._space}
        distributions = {name: self._distribution(path) for name, path in names.items()}
        create, states = self._optuna.trial.create_trial, self._optuna.trial.TrialState
        for values, outcome in self._seen:
            study.add_trial(
                create(
                    state=states.FAIL if outcome.error else states.COMPLETE,
                    values=None if outcome.error else list(costs(outcome, self._objectives)),
                    params={name: values[path] for name, path in names.items()},
                    distributions=distributions,
                )
            )
        found = []
        for _ in range(min(self._search.batch, self._search.trials - number)):
            params = study.ask(distributions).params
            values = {path: _rounded(params[name]) for name, path in names.items()}
            design = design_of(values)
            self.designs.setdefault(design, values)
            found.append((design, values))
        return found

    def _distribution(self, path: ParameterPath) -> Any:
        of, distributions = self._space[path], self._optuna.distributions
        if isinstance(of, Choices):
            return distributions.CategoricalDistribution(of.values)
        assert isinstance(of, Range)
        if of.is_integer:
            return distributions.IntDistribution(int(of.low), int(of.high), log=of.log)
        return distributions.FloatDistribution(of.low, of.high, log=of.log)


def _rounded(value: Scalar) -> Scalar:
    """Return a drawn number, rounded to significant digits."""
    return float(f"{value:.3g}") if isinstance(value, float) else value


def _estimates(designs: Iterable[Design], estimate: Estimate) -> dict[Design, Outcome]:
    """Return the model's estimates of the designs that it can estimate."""
    found = ((design, estimate(design)) for design in designs)
    return {design: outcome for design, outcome in found if not outcome.error}
