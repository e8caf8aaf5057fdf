"""`evaluate`: run a compiled model over any number of samples, in parallel on workers.

Workers receive shards of samples and return counts. Counts are integers, so their sums do not
depend on how the samples are split or in which order the workers finish.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eie_backend.errors import InputError
from eie_backend.fidelity.measure import Distances, distances, joined
from eie_backend.fidelity.reference import Results
from eie_backend.machine.choices import Engine
from eie_backend.machine.energy_table import EnergyTable, shipped_table
from eie_backend.profiler import Recorder, Report
from eie_backend.runtime import ProfileRow
from eie_backend.simulator.labels import check_labels
from eie_backend.simulator.not_finite import NotFinite, add, refuse, tell
from eie_backend.simulator.not_finite import count as not_finite_in
from eie_backend.simulator.place import Batch
from eie_backend.simulator.runner import Runner
from eie_backend.simulator.saturation import tell_saturated
from eie_backend.transform.inputs import batches, check_inputs
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
    """A batch of work: samples by input name, and their classes if known.

    `evaluate` adds its number and, if there is a float network, that one's results of each call.
    """

    data: Arrays
    labels: NDArray[np.generic] | None
    number: int = 0
    reference: list[Batch] | None = None


class Counts(NamedTuple):
    """What a shard gave: samples, right answers of machine and float network, the recorder's rows.

    `distances` are those of the machine's results from the float network's, if that one ran.
    """

    samples: int
    correct: int
    reference_correct: int
    rows: list[ProfileRow]
    distances: Distances | None


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The result of `evaluate`.

    Attributes
    ----------
    samples : int
        Number of samples.
    correct : int or None
        Number of samples whose highest score is at the label; None without labels.
    reference_correct : int or None
        The same of the float network; None without labels or without that network.
    report : Report
        Totals, as `profile` returns them, without outputs; with the `fidelity` of all samples if
        the float network ran.
    """

    samples: int
    correct: int | None
    report: Report
    reference_correct: int | None = None

    @property
    def accuracy(self) -> float | None:
        """Fraction of correct answers."""
        return None if self.correct is None else self.correct / self.samples

    @property
    def reference_accuracy(self) -> float | None:
        """Fraction of the float network's correct answers."""
        return None if self.reference_correct is None else self.reference_correct / self.samples

    def to_dict(self) -> dict[str, Any]:
        """Return the evaluation as plain data."""
        return {
            "accuracy": self.accuracy,
            "correct": self.correct,
            "reference_accuracy": self.reference_accuracy,
            "reference_correct": self.reference_correct,
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
    reference: Results | None = None,
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
    reference : callable, optional
        Returns the float network's results of a call, in this process.

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
    samples = correct = reference_correct = 0
    measured: dict[int, Distances] = {}
    has_labels, not_finite = True, dict[str, NotFinite]()

    def counted() -> Iterator[Shard]:
        nonlocal has_labels, not_finite
        for number, shard in enumerate(shards):
            has_labels = has_labels and shard.labels is not None
            found = not_finite_in(shard.data)
            if strict_inputs:
                refuse(found)
            not_finite = add(not_finite, found)
            expected = None
            if reference is not None:
                arrays = check_inputs(library.runner.specs, shard.data)
                calls = batches(arrays, library.runner.specs)
                expected = [reference(batch) for batch in calls]
            yield shard._replace(number=number, reference=expected)

    with working_with(scheduler, workers, library) as crew:
        for shard, counts in completed(crew, count, counted()):
            samples += counts.samples
            correct += counts.correct
            reference_correct += counts.reference_correct
            if counts.distances is not None:
                measured[shard.number] = counts.distances
            totals.add(counts.rows)
            told(counts.samples)
    if not samples:
        raise InputError("no samples to evaluate; give at least one batch of the model")
    tell(not_finite)
    tell_saturated(totals.rows, not_finite)
    report = totals.report((), table or shipped_table(), samples, not_finite)
    if measured:
        # In the order of the samples: their mean does not depend on who was first.
        found = joined([measured[number] for number in sorted(measured)]).fidelity()
        report = replace(report, fidelity=found)
    return Evaluation(
        samples,
        correct if has_labels else None,
        report,
        reference_correct if has_labels and measured else None,
    )


def count(library: Library, shard: Shard) -> Counts:
    """Run one shard on a worker."""
    runner = library.runner
    calls, _ = runner.counted(shard.data)
    # Use one thread: the other cores are for other workers.
    with Recorder(runner, library.engine, threads=1) as recorder:
        results = [runner.call(batch) for batch in calls]
    samples, correct, reference_correct = runner.batch * len(calls), 0, 0
    if shard.labels is not None:
        scores = _scores(results)
        # Of a sequence whose steps come first, a call's answers are fewer than its rows.
        samples = len(scores) if scores.ndim else samples
        check_labels(shard.labels, samples, scores.shape)
        correct = _right(scores, shard.labels)
    measured = None
    if shard.reference is not None:
        pairs = zip(results, shard.reference, strict=True)
        measured = joined([distances(y, r, samples // len(calls)) for y, r in pairs])
        if shard.labels is not None:
            reference_correct = _right(_scores(shard.reference), shard.labels)
    return Counts(samples, correct, reference_correct, recorder.rows, measured)


def _scores(results: list[Batch]) -> NDArray[np.generic]:
    first = [result[0] for result in results]
    return np.concatenate(first) if first[0].ndim else first[0]


def _right(scores: NDArray[np.generic], labels: NDArray[np.generic]) -> int:
    return int(np.count_nonzero(scores.argmax(-1) == labels))
