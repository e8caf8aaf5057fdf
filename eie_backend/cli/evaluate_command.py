"""``eie evaluate``: accuracy and counters of a compiled library over many samples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eie_backend.cli.beside import beside, float_module, results_of
from eie_backend.cli.console import progress, show, working
from eie_backend.cli.options import (
    ENGINE_OPTION,
    FLOAT,
    REFERENCE,
    SCHEDULER,
    STRICT_INPUTS,
    WORKERS,
)
from eie_backend.errors import ConfigError
from eie_backend.machine.choices import ENGINE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eie_backend.files.sample_file import SampleFile
    from eie_backend.profiler.evaluation import Shard
    from eie_backend.simulator.runner import Runner

EXAMPLE = """Example:

    eie evaluate lenet.so --data digits.npz
"""

SHARD_SAMPLES = 1000
"""Approximate samples of a shard, which has whole batches of the model."""


def evaluate_model(
    library: Annotated[Path, typer.Argument(help="Library written by `eie compile`.")],
    data: Annotated[
        Path,
        typer.Option(
            help=".npy, or .npz with arrays by input name, and `labels` if there are; read part by "
            "part, so it may be larger than the memory."
        ),
    ],
    labels: Annotated[
        Path | None, typer.Option(help=".npy with the class of each sample, for the accuracy.")
    ] = None,
    repeat: Annotated[int, typer.Option(help="How often the data is taken.")] = 1,
    engine: Annotated[str, ENGINE_OPTION] = "event",
    scheduler: Annotated[str, SCHEDULER] = "processes",
    workers: Annotated[int | None, WORKERS] = None,
    energy: Annotated[
        Path | None, typer.Option(help="YAML file of energies and areas in place of the paper's.")
    ] = None,
    reference: Annotated[Path | None, REFERENCE] = None,
    float_beside: Annotated[bool, FLOAT] = True,
    strict_inputs: Annotated[bool, STRICT_INPUTS] = False,
) -> None:
    """Run a compiled model over a data set of any size, on all cores or on a cluster."""
    from eie_backend.cli.files import read_bytes
    from eie_backend.cli.tables import cycles_table, energy_table, report_table
    from eie_backend.codegen.library import check_whole
    from eie_backend.errors import InputError
    from eie_backend.files.sample_file import SampleFile
    from eie_backend.machine.energy_table import read_energy_table
    from eie_backend.profiler.evaluation import Library, evaluate

    ENGINE.checked(engine, ConfigError)
    if repeat < 1:
        raise InputError(f"--repeat {repeat}: give at least 1")
    table = None if energy is None else read_energy_table(energy)
    check_whole(library)
    loaded = Library(read_bytes(library), engine)  # type: ignore[arg-type]
    with working(f"loading {library.name}"):
        runner = loaded.runner
    samples = Samples(SampleFile(data), runner, labels)
    network = results_of(float_module(runner, library, reference, float_beside))
    with progress() as bar:
        task = bar.add_task("simulating", total=samples.count * repeat)
        found = evaluate(
            loaded,
            samples.shards(repeat, strict_inputs),
            scheduler=scheduler,
            workers=workers,
            table=table,
            told=lambda done: bar.advance(task, done),
            reference=network,
        )
    accuracy = f"{found.samples:,} samples"
    if found.correct is not None:
        accuracy += f", {found.correct:,} right: {found.accuracy:.2%}"
    tables = report_table(found.report), cycles_table(found.report), energy_table(found.report)
    lines = beside(found.report, found.accuracy, found.reference_accuracy)
    show(found.to_dict(), accuracy, *lines, *tables)


evaluate_model.__doc__ = f"{evaluate_model.__doc__}\n\n{EXAMPLE}"


class Samples:
    """A file of samples, checked against a model.

    Raises
    ------
    InputError
        If data or labels do not fit.
    """

    def __init__(self, file: SampleFile, runner: Runner, labels: Path | None) -> None:
        import numpy as np

        from eie_backend.cli.files import about, by_input, check_arrays, read_labels
        from eie_backend.compiler.model_record import result_shape
        from eie_backend.errors import InputError
        from eie_backend.simulator.labels import check_labels

        self._file = file
        names = list(file.headers)
        inputs = {spec.name for spec in runner.specs}
        self._labels: NDArray[Any] | None = None
        if "labels" in names and "labels" not in inputs:
            names.remove("labels")
            self._labels = file.read("labels")
        # For the checks, arrays with the file's shapes and dtypes but without memory.
        empty = {
            name: np.broadcast_to(np.zeros((), file.headers[name].dtype), file.headers[name].shape)
            for name in names
        }
        single = empty[names[0]] if len(names) == 1 else empty
        checked = check_arrays(by_input(single, file.path, runner.specs), file.path, runner.specs)
        # Names of each input in the model and in the file.
        self._inputs = dict(zip(checked, names if len(names) == 1 else checked, strict=True))
        # Rows of each input in a call; arrays without a first axis are whole in every call.
        self._rows = {s.name: s.shape[0] if s.shape else 1 for s in runner.specs}
        pairs = [(len(checked[s.name]), s.shape[0]) for s in runner.specs if s.shape]
        calls = max((rows // each for rows, each in pairs), default=1)
        self.count, self._answers = calls * runner.batch, runner.batch
        if labels is not None:
            self._labels = read_labels(labels)
        if self._labels is not None:
            shape = result_shape(runner.programs, calls)
            # Of a sequence whose steps come first, a call has fewer answers than rows.
            self._answers = shape[0] // calls if shape else runner.batch
            self.count = calls * self._answers
            with about(labels or file.path, InputError):
                check_labels(self._labels, self.count, shape)

    def shards(self, repeat: int, strict: bool = False) -> Iterator[Shard]:
        """Yield the samples, `repeat` times over.

        Raises
        ------
        InputError
            With `strict`, before a shard with values that are not finite.
        """
        from eie_backend.cli.files import check_finite
        from eie_backend.profiler.evaluation import Shard

        calls = max(SHARD_SAMPLES // max(self._rows.values(), default=1), 1)
        size = calls * self._answers
        rows = {stored: calls * self._rows[name] for name, stored in self._inputs.items()}
        for _ in range(repeat):
            parts = self._file.parts(rows)
            for number, part in enumerate(parts):
                data = {name: part[stored] for name, stored in self._inputs.items()}
                if strict:
                    first = number * size
                    last = min(first + size, self.count) - 1
                    check_finite(data, f"{self._file.path}, samples {first} to {last}")
                labels = None
                if self._labels is not None:
                    labels = self._labels[number * size : (number + 1) * size]
                yield Shard(data, labels)
