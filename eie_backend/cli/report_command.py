"""``eie report``: run a compiled library and write the results as one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eie_backend.cli.beside import beside, float_module, results_of
from eie_backend.cli.console import show, working
from eie_backend.cli.execute import execute_runner, labelled
from eie_backend.cli.options import ENGINE_OPTION, FLOAT, REFERENCE, STRICT_INPUTS
from eie_backend.errors import ConfigError
from eie_backend.machine.choices import ENGINE

EXAMPLE = """Example:

    eie report lenet.so --input images.npy --labels digits.npy -o report.html
"""


def report_model(
    library: Annotated[Path, typer.Argument(help="Library written by `eie compile`.")],
    input: Annotated[
        Path,
        typer.Option(help=".npy, or .npz with arrays by input name, and `labels` if there are."),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Page to write: .html.")],
    labels: Annotated[
        Path | None, typer.Option(help=".npy with the class of each sample, for the accuracy.")
    ] = None,
    engine: Annotated[str, ENGINE_OPTION] = "event",
    energy: Annotated[
        Path | None, typer.Option(help="YAML file of energies and areas in place of the paper's.")
    ] = None,
    reference: Annotated[Path | None, REFERENCE] = None,
    float_beside: Annotated[bool, FLOAT] = True,
    strict_inputs: Annotated[bool, STRICT_INPUTS] = False,
) -> None:
    """Run a compiled model and write a page: what ran where, cycles, energy, weights, program."""
    from eie_backend.report.page import page, require_viz

    require_viz()  # before what draws is imported
    from eie_backend.cli.files import check_place, write_file
    from eie_backend.codegen.library import load
    from eie_backend.fidelity.compare import compare_runner
    from eie_backend.machine.energy_table import read_energy_table
    from eie_backend.report.run import Run
    from eie_backend.report.sections.summary import answer
    from eie_backend.simulator.runner import Runner

    ENGINE.checked(engine, ConfigError)
    check_place(output, ".html")
    table = None if energy is None else read_energy_table(energy)
    with working(f"loading {library.name}"):
        executable = load(library)
        runner = Runner(executable)
    data, classes = labelled(runner, input, labels, strict_inputs)
    mod = float_module(runner, library, reference, float_beside)
    report = execute_runner(runner, data, engine, table, results_of(mod))
    comparison = None
    if mod is not None:
        with working("comparing"):
            comparison = compare_runner(executable, runner, mod, data, told=False)
    with working("drawing"):
        made = page(report, labels=classes, comparison=comparison)
    write_file(output, made)
    run = Run(report, classes)
    lines = beside(report, run.accuracy, run.reference_accuracy)
    show({"report": report.to_dict()}, answer(run), *lines, written=[output])


report_model.__doc__ = f"{report_model.__doc__}\n\n{EXAMPLE}"
