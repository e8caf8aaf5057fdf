"""``eie profile``: execute a compiled library and print an account of its cycles."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eie_backend.cli.beside import beside
from eie_backend.cli.console import show
from eie_backend.cli.execute import execute
from eie_backend.cli.options import ENGINE_OPTION, FLOAT, REFERENCE, REMOTE, STRICT_INPUTS

EXAMPLE = """Example:

    eie profile lenet.so --input images.npy --json > report.json
"""


def profile_model(
    library: Annotated[Path, typer.Argument(help="Library written by `eie compile`.")],
    input: Annotated[
        Path,
        typer.Option(help=".npy, or .npz with arrays by input name, and `labels` if there are."),
    ],
    engine: Annotated[str, ENGINE_OPTION] = "event",
    energy: Annotated[
        Path | None, typer.Option(help="YAML file of energies and areas in place of the paper's.")
    ] = None,
    accelergy: Annotated[
        Path | None, typer.Option(help="Also write the action counts in Accelergy's YAML form.")
    ] = None,
    remote: Annotated[str | None, REMOTE] = None,
    reference: Annotated[Path | None, REFERENCE] = None,
    float_beside: Annotated[bool, FLOAT] = True,
    strict_inputs: Annotated[bool, STRICT_INPUTS] = False,
) -> None:
    """Run a compiled model and print cycles, time, energy and where the cycles went, per layer."""
    from eie_backend.cli.files import write_file
    from eie_backend.cli.tables import cycles_table, energy_table, report_table
    from eie_backend.machine.energy_table import read_energy_table
    from eie_backend.profiler.accelergy import action_counts_yaml

    table = None if energy is None else read_energy_table(energy)
    run = execute(library, input, engine, table, remote, strict_inputs, float_beside, reference)
    report = run.report
    if accelergy is not None:
        write_file(accelergy, action_counts_yaml(report).rstrip() + "\n")
    show(
        {
            **report.to_dict(),
            "accuracy": run.accuracy,
            "reference_accuracy": run.reference_accuracy,
        },
        *([] if run.accuracy is None else [f"{run.samples:,} samples, {run.accuracy:.2%} right"]),
        report_table(report),
        cycles_table(report),
        energy_table(report),
        *beside(report, run.accuracy, run.reference_accuracy),
        written=[] if accelergy is None else [accelergy],
    )


profile_model.__doc__ = f"{profile_model.__doc__}\n\n{EXAMPLE}"
