"""`evaluate`: run a compiled model over any number of samples, in parallel on workers.

Workers receive shards of samples and return counts. Counts are integers, so their sums do not
depend on how the samples are split or in which order the workers finish.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eie_backend.errors import InputError
from eie_backend.machine.choices import Engine
from eie_backend.machine.energy_table import EnergyTable, shipped_table
from eie_backend.profiler import Recorder, Report
from eie_backend.runtime import ProfileRow
from eie_backend.simulator.labels import check_labels
from eie_backend.simulator.not_finite import NotFinite, add, refuse, tell
from eie_backend.simulator.not_finite import count as not_finite_in
from eie_backend.simulator.runner import Runner
from eie_backend.simulator.saturation import tell_saturated
from eie_backend.work.workers import completed, working_with

Arrays = dict[str, NDArray[np.generic]]


@dataclass(frozen=True, eq=False)
class Library:
    """A compiled library; each worker loads its own copy once, and then any thread can run it.

    `data` is the file's content.
    """

    data: bytes
    engine: Engine = "event"

    @cached_property
    def runner(self) -> Runner:
        """The loaded model."""
        with tempfile.TemporaryDirectory(prefix="eie_") as folder:
            path = Path(folder) / "library.so"
            path.write_bytes(self.data)
            return Runner(path)

    def __getstate__(self) -> dict[str, Any]:
        return {"data": self.data, "engine": self.engine}


class Shard(NamedTuple):
    """A batch of work: samples by input name, and their classes if known."""

    data: Arrays
    labels: NDArray[np.generic] | None


class Counts(NamedTuple):
    """Counts of a shard: samples, correct answers, and the recorder's rows."""

    samples: int
    correct: int
    rows: list[ProfileRow]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The result of `evaluate`.

    Attributes
    ----------
    samples : int
        Number of samples.
    correct : int or None
        Number of samples whose highest score is at the label; None without labels.
    report : Report
        Totals, as `profile` returns them, without outputs.
    """

    samples: int
    correct: int | None
    report: Report

    @property
    def accuracy(self) -> float | None:
        """Fraction of correct answers."""
        return None if self.correct is None else self.correct / self.samples

    def to_dict(self) -> dict[str, Any]:
        """Return the evaluation as plain data."""
        return {
            "accuracy": self.accuracy,
            "correct": self.correct,
            "report": self.report.to_dict(),
            "samples": self.samples,
        }


def evaluate(
    library: Library,
    shards: Iterable[Shard],
    *,
    scheduler: str = "processes",
    workers: int | None = None,
    table: EnergyTable | None = None,
    told: Callable[[int], None] = lambda samples: None,
    strict_inputs: bool = False,
) -> Evaluation:
    """Run a compiled model over shards of samples, and add up the counts.

    Parameters
    ----------
    library : Library
        The file that `export_library` wrote, as bytes.
    shards : iterable of Shard
        Each has whole batches of the model. Shards are taken when workers become free, so only a
        few are in memory.
    scheduler, workers
        As for `working_with`.
    table : EnergyTable, optional
        Energies; the shipped ones by default.
    told : callable
        Called with the number of samples of every shard that is done.
    strict_inputs : bool
        End at the first shard with NaN or infinity; otherwise a `NotFiniteWarning` tells in the end
        how many there were in all.

    Returns
    -------
    Evaluation
        The result does not depend on the scheduler or the shards.

    Raises
    ------
    InputError
        If there are no shards, or one does not fit the model or is refused.
    WorkerError
        If workers are lost repeatedly.
    """
    totals = Recorder(library.runner, library.engine)
    samples = correct = 0
    has_labels, not_finite = True, dict[str, NotFinite]()

    def counted() -> Iterator[Shard]:
        nonlocal has_labels, not_finite
        for shard in shards:
            has_labels = has_labels and shard.labels is not None
            found = not_finite_in(shard.data)
            if strict_inputs:
                refuse(found)
            not_finite = add(not_finite, found)
            yield shard

    with working_with(scheduler, workers, library) as crew:
        for _, counts in completed(crew, count, counted()):
            samples += counts.samples
            correct += counts.correct
            totals.add(counts.rows)
            told(counts.samples)
    if not samples:
        raise InputError("no samples to evaluate; give at least one batch of the model")
    tell(not_finite)
    tell_saturated(totals.rows, not_finite)
    report = totals.report((), table or shipped_table(), samples, not_finite)
    return Evaluation(samples, correct if has_labels else None, report)


def count(library: Library, shard: Shard) -> Counts:
    """Run one shard on a worker."""
    runner = library.runner
    calls, _ = runner.counted(shard.data)
    # Use one thread: the other cores are for other workers.
    with Recorder(runner, library.engine, threads=1) as recorder:
        answers = [runner.call(batch)[0] for batch in calls]
    correct = 0
    if shard.labels is not None:
        scores = np.concatenate(answers) if answers[0].ndim else answers[0]
        check_labels(shard.labels, runner.batch * len(calls), scores.shape)
        correct = int(np.count_nonzero(scores.argmax(-1) == shard.labels))
    return Counts(runner.batch * len(calls), correct, recorder.rows)
