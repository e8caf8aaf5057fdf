"""``eie explain``: where each operator of a model runs, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eie_backend.cli.bindings import BIND, BIND_VALUE
from eie_backend.cli.console import show, table, working
from eie_backend.cli.importing import VERIFY, imported
from eie_backend.cli.options import MACHINE, NUM_PE, machine_of

if TYPE_CHECKING:
    from eie_backend.cli.table import Table
    from eie_backend.compiler.placement import Placement

EXAMPLE = """Example:

    eie explain lenet.onnx --bind batch=1 --json > operators.json
"""


def explain_model(
    model: Annotated[Path, typer.Argument(help="ONNX or .eiez file.")],
    machine: Annotated[str | None, MACHINE] = None,
    num_pe: Annotated[int | None, NUM_PE] = None,
    bind: Annotated[list[str] | None, BIND] = None,
    bind_value: Annotated[list[str] | None, BIND_VALUE] = None,
    verify: Annotated[bool, VERIFY] = True,
) -> None:
    """Say for every operator of a model whether the machine runs it, and if not, why."""
    from eie_backend.compiler.placement import explain

    config = machine_of(machine, num_pe=num_pe)
    mod = imported(model, bind, bind_value, verify)
    with working("explaining"):
        placements = explain(mod, config)
    show({"operators": [vars(row) for row in placements]}, placement_table(placements))


explain_model.__doc__ = f"{explain_model.__doc__}\n\n{EXAMPLE}"


def placement_table(placements: list[Placement]) -> Table:
    """Return a row for each operator."""
    layers = [row for row in placements if row.is_layer]
    machine = sum(row.runs_on == "machine" for row in layers)
    title = f"The machine runs {machine} of {len(layers)} layers"
    made = table(title, "operator", "kind", "runs on", "why", text=4)
    for row in placements:
        joined = f"part of {row.layer}" if row.layer != row.name else ""
        made.add_row(row.name, row.operator, row.runs_on, row.reason or joined)
    return made
