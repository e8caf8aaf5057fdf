"""Run a library over a file of inputs with a progress bar."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from eie_backend.cli.beside import float_module, results_of
from eie_backend.cli.console import progress, remark, working
from eie_backend.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eie_backend.cli.files import Arrays
    from eie_backend.fidelity.reference import Results
    from eie_backend.machine.energy_table import EnergyTable
    from eie_backend.profiler import Report
    from eie_backend.report.run import Run


def execute(
    library: Path,
    inputs: Path,
    engine: Any = "event",
    table: EnergyTable | None = None,
    remote: str | None = None,
    strict: bool = False,
    float_beside: bool = False,
    reference: Path | None = None,
) -> Run:
    """Run `library` on the arrays in the file `inputs`, with the shipped energies by default.

    `remote` is the address of a server to run on; with `strict`, inputs that are not finite are
    refused. With `float_beside`, the float network runs, too: that of the file `reference`, or that
    which the library names. `labels` in the file are no input.
    """
    from eie_backend.machine.choices import ENGINE
    from eie_backend.remote.address import read_address
    from eie_backend.remote.client import connect
    from eie_backend.report.run import Run
    from eie_backend.simulator.runner import Runner

    ENGINE.checked(engine, ConfigError)
    session = None if remote is None else connect(read_address(remote), told=remark)
    with working(f"loading {library.name}"):
        runner = Runner(library, session)
    data, labels = labelled(runner, inputs, None, strict)
    network = results_of(float_module(runner, library, reference, float_beside))
    return Run(execute_runner(runner, data, engine, table, network), labels)


def labelled(
    runner: Any, inputs: Path, labels: Path | None, strict: bool
) -> tuple[Arrays, NDArray[Any] | None]:
    """Read a model's inputs, and labels that fit its results from a file of theirs or beside them.

    Raises
    ------
    InputError
        If either do not fit; the message names the file.
    """
    from eie_backend.cli.files import about, read_labels, read_samples
    from eie_backend.compiler.model_record import result_shape
    from eie_backend.errors import InputError
    from eie_backend.simulator.labels import check_labels

    data, classes = read_samples(inputs, runner.specs, strict)
    if labels is not None:
        classes = read_labels(labels)
    if classes is not None:
        calls, _ = runner.counted(data)
        shape = result_shape(runner.programs, len(calls))
        with about(labels or inputs, InputError):
            check_labels(classes, shape[0] if shape else runner.batch * len(calls), shape)
    return data, classes


def execute_runner(
    runner: Any,
    data: Any,
    engine: Any = "event",
    table: EnergyTable | None = None,
    reference: Results | None = None,
) -> Report:
    """Run a loaded model over `data`, batch by batch, beside the float network if there is one."""
    from eie_backend.profiler import profile_runner

    with progress() as bar:
        return profile_runner(
            runner,
            data,
            lambda calls: bar.track(calls, description="simulating"),
            engine,
            table,
            reference=reference,
        )
