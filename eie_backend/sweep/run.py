"""`sweep`: measure the designs of a specification on workers, and find the Pareto front."""

from __future__ import annotations

import random
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from eie_backend.errors import SaturationWarning
from eie_backend.simulator.not_finite import outside
from eie_backend.simulator.saturation import sentence
from eie_backend.sweep.bench import Bench, Outcome, measure
from eie_backend.sweep.front import front
from eie_backend.sweep.plan import Grid, Plan, Proposals
from eie_backend.sweep.space import Design, ParameterPath, Scalar, label
from eie_backend.sweep.spec import Spec
from eie_backend.sweep.study import Study
from eie_backend.work.workers import completed, working_with

REFRESH_SECONDS = 2.0
"""Interval at which a sweep reads outcomes that others added to its study."""

MOST_TOLD = 5
"""Designs that a warning names."""

State = Literal["measured", "ruled out", "impossible"]


@dataclass(frozen=True)
class Row:
    """A design: its parameters, its state, and its outcome.

    The outcome of a design that is ruled out is the expected one; that of an impossible design has
    an error.
    """

    values: Mapping[ParameterPath, Scalar]
    state: State
    outcome: Outcome


@dataclass(frozen=True)
class Sweep:
    """The result of `sweep`: all designs in the order of the plan, and the rows on the front."""

    spec: Spec
    rows: tuple[Row, ...]
    front: tuple[Row, ...]

    def count(self, state: State) -> int:
        """Return how many designs are in a state."""
        return sum(row.state == state for row in self.rows)


def sweep(
    spec: Spec,
    bench: Bench,
    study: Study,
    scheduler: str = "processes",
    workers: int | None = None,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> Sweep:
    """Measure all designs whose outcome is neither known nor ruled out.

    Parameters
    ----------
    spec : Spec
        From `read_spec`.
    bench : Bench
        From `read_bench`, for this `spec`.
    study : Study
        The store of outcomes; designs in it are not measured again.
    scheduler : str
        ``"processes"``, ``"threads"``, or the address of a Dask scheduler.
    workers : int, optional
        Local workers; one per core by default.
    told : callable
        Called with the number of designs done and their total.

    Returns
    -------
    Sweep
        The result does not depend on the scheduler or on interruptions. A `SaturationWarning`
        tells of designs in which more values than one in a thousand did not fit their formats.

    Raises
    ------
    WorkerError, StudyError
        If workers or the database are lost. Measured outcomes are kept.
    """
    plan = plan_of(spec, bench)
    outcomes = study.outcomes()
    todo = plan.next(outcomes)
    if todo:
        with working_with(scheduler, workers, bench) as crew:
            while todo:
                done = len(outcomes.keys() & {design.key for design in plan.designs})
                done += len(plan.ruled_out(outcomes))
                for design, outcome in completed(crew, measure, _unknown(todo, study, outcomes)):
                    if design.key not in outcomes:
                        study.add(design, outcome, spec.varied)
                        outcomes[design.key] = outcome
                    done += 1
                    told(done, plan.total)
                todo = plan.next(outcomes)
    found = _found(spec, plan, outcomes)
    _tell_saturated(found)
    return found


def plan_of(spec: Spec, bench: Bench) -> Plan:
    """Return the plan of a specification."""
    estimate = bench.estimate if spec.prune else None
    if spec.search is None:
        return Grid(spec.space, spec.objectives, estimate)
    return Proposals(spec.space, spec.objectives, estimate, spec.search)


def _unknown(todo: list[Design], study: Study, outcomes: dict[str, Outcome]) -> Iterator[Design]:
    """Yield the designs that no other process has measured meanwhile.

    Designs with the same compressed model stay together, because a worker caches the model.
    Otherwise the order is random, so that computers that share a study rarely repeat work.
    """
    asked = time.monotonic()
    mixed = random.sample(todo, len(todo))
    place = {design.compressed: number for number, design in enumerate(mixed)}
    for design in sorted(mixed, key=lambda design: place[design.compressed]):
        if time.monotonic() - asked > REFRESH_SECONDS:
            outcomes.update(study.outcomes())
            asked = time.monotonic()
        if design.key not in outcomes:
            yield design


def _found(spec: Spec, plan: Plan, outcomes: Mapping[str, Outcome]) -> Sweep:
    ruled_out = plan.ruled_out(outcomes)
    rows = []
    for design, values in plan.designs.items():
        if design in ruled_out:
            rows.append(Row(values, "ruled out", ruled_out[design]))
        else:
            outcome = outcomes[design.key]
            rows.append(Row(values, "impossible" if outcome.error else "measured", outcome))
    measured = {n: row.outcome for n, row in enumerate(rows) if row.state == "measured"}
    best = tuple(rows[n] for n in front(measured, spec.objectives))
    return Sweep(spec, tuple(rows), best)


def _tell_saturated(found: Sweep) -> None:
    """Warn of designs with values that do not fit, once for all: workers do not know of others."""
    many = [(n, row) for n, row in enumerate(found.rows) if row.outcome.saturated]
    if not many:
        return
    lines = []
    for number, row in many[:MOST_TOLD]:
        values = ", ".join(f"{label(path)} {row.values[path]}" for path in found.spec.varied)
        layers = sentence(row.outcome.saturated)
        lines.append(f"design {number}{f' ({values})' if values else ''}: {layers}")
    if len(many) > MOST_TOLD:
        lines.append(f"and {len(many) - MOST_TOLD:,} more, which the results name")
    designs = "1 design" if len(many) == 1 else f"{len(many):,} designs"
    message = (
        f"values do not fit their number formats in {designs} of {len(found.rows):,}: "
        f"{'; '.join(lines)}; calibrate with samples like the data (calibration:), or take another "
        "arithmetic"
    )
    counts = [{"design": n, **one._asdict()} for n, row in many for one in row.outcome.saturated]
    warnings.warn(SaturationWarning(message, counts), stacklevel=outside())
