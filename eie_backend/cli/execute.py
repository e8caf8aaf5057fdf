"""Run a library over a file of inputs with a progress bar."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from eie_backend.cli.beside import float_module, results_of
from eie_backend.cli.console import progress, remark, working
from eie_backend.errors import ConfigError

if TYPE_CHECKING:
    from eie_backend.fidelity.reference import Results
    from eie_backend.machine.energy_table import EnergyTable
    from eie_backend.profiler import Report


def execute(
    library: Path,
    inputs: Path,
    engine: Any = "event",
    table: EnergyTable | None = None,
    remote: str | None = None,
    strict: bool = False,
    float_beside: bool = False,
    reference: Path | None = None,
) -> Report:
    """Run `library` on the arrays in the file `inputs`, with the shipped energies by default.

    `remote` is the address of a server to run on; with `strict`, inputs that are not finite are
    refused. With `float_beside`, the float network runs, too: that of the file `reference`, or that
    which the library names.
    """
    from eie_backend.cli.files import read_inputs
    from eie_backend.machine.choices import ENGINE
    from eie_backend.remote.address import read_address
    from eie_backend.remote.client import connect
    from eie_backend.simulator.runner import Runner

    ENGINE.checked(engine, ConfigError)
    session = None if remote is None else connect(read_address(remote), told=remark)
    with working(f"loading {library.name}"):
        runner = Runner(library, session)
    data = read_inputs(inputs, runner.specs, strict)
    network = results_of(float_module(runner, library, reference, float_beside))
    return execute_runner(runner, data, engine, table, network)


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
