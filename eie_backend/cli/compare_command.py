"""``eie compare``: what each layer of a compiled library adds to the error of the results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eie_backend.cli.console import progress, show, table, working
from eie_backend.cli.options import STRICT_INPUTS

if TYPE_CHECKING:
    from rich.text import Text

    from eie_backend.cli.table import Table
    from eie_backend.fidelity.comparison import Comparison, LayerComparison
    from eie_backend.fidelity.measure import Fidelity

EXAMPLE = """Example:

    eie compare lenet.so --input images.npy
"""

WARNING = "yellow"

MARKED = 0.5
"""Share of the largest own error from which on a layer is marked."""


def compare_model(
    library: Annotated[Path, typer.Argument(help="Library written by `eie compile`.")],
    input: Annotated[
        Path,
        typer.Option(
            help=".npy, or .npz with arrays by input name; `labels` in it are left alone."
        ),
    ],
    reference: Annotated[
        Path | None,
        typer.Option(
            help="ONNX or .eiez file that it was compiled from, by default where it was then."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Page to write: .html.")
    ] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="Table to write: .csv.")] = None,
    strict_inputs: Annotated[bool, STRICT_INPUTS] = False,
) -> None:
    """Run a compiled model beside its float network and tell where the accuracy went, by layer."""
    if output is not None:
        from eie_backend.report.page import require_viz

        require_viz()  # before what draws is imported
    from eie_backend.cli.files import check_different, check_place, read_samples, write_files
    from eie_backend.codegen.library import load
    from eie_backend.fidelity.compare import compare_runner
    from eie_backend.fidelity.reference import reference as float_network
    from eie_backend.simulator.runner import Runner

    asked = {output: ".html", csv: ".csv"}
    wanted = {path: suffix for path, suffix in asked.items() if path is not None}
    for path, suffix in wanted.items():
        check_place(path, suffix)
    check_different(*wanted)
    if reference is not None:
        _check_there(reference)
    with working(f"loading {library.name}"):
        executable = load(library)
        runner = Runner(executable)
    data, _ = read_samples(input, runner.specs, strict_inputs)
    with working("importing the float network"):
        mod = float_network(runner.programs, reference, library)
    with progress() as bar:
        found = compare_runner(
            executable,
            runner,
            mod,
            data,
            lambda calls: bar.track(calls, description="comparing"),
        )
    files: dict[Path, str | bytes] = {}
    if output is not None:
        from eie_backend.report.fidelity_section import fidelity_section
        from eie_backend.report.page import html

        with working("drawing"):
            files[output] = html("eie compare", [fidelity_section(found)])
    if csv is not None:
        files[csv] = found.to_csv()
    write_files(files)
    show(found.to_dict(), comparison_table(found), *remarks(found), written=files)


compare_model.__doc__ = f"{compare_model.__doc__}\n\n{EXAMPLE}"


def _check_there(model: Path) -> None:
    """Check that a model's file exists, before anything is loaded.

    Raises
    ------
    ModelError
        If it does not.
    """
    from eie_backend.errors import ModelError

    try:
        model.stat()
    except OSError as error:
        raise ModelError(
            f"{model}: cannot be read: {error.strerror}; give the ONNX or .eiez file that the "
            "library was compiled from"
        ) from error


def comparison_table(found: Comparison) -> Table:
    """Return a row for the results and one for each layer; those that add most are marked."""
    from eie_backend.cli.tables import PART
    from eie_backend.fidelity.comparison import levels

    numbers = ("error", "own", "inherited", "SQNR dB", "largest", "saturated")
    made = table(f"{found.samples:,} samples beside the float network", "layer", *numbers)
    made.add_row("all results", *_cells(found.fidelity), "")
    made.add_section()
    worst = 0.0 if found.worst is None else found.worst.own_error or 0.0
    for level, layer in levels(found.layers):
        name = f"{PART}{layer.name}" if level == "part" else layer.name
        own = layer.own_error or 0.0
        marked = level == "layer" and own > 0 and own >= MARKED * worst
        saturated = "" if layer.reason else f"{sum(layer.saturations.values()):,}"
        cells = [name, *_cells(layer), saturated]
        made.add_row(*(_coloured(cell) if marked else cell for cell in cells))
    return made


def remarks(found: Comparison) -> list[str]:
    """Return the model's line, why layers were not compared, and the answer."""
    from eie_backend.fidelity.told import told

    lost = [f"{layer.name}: {layer.reason}." for layer in found.layers if layer.reason]
    return [told(found.fidelity, {}).sentence, *lost, found.answer]


def _cells(found: Fidelity | LayerComparison) -> list[str]:
    from eie_backend.fidelity.told import share

    errors = (getattr(found, f"{kind}_error", None) for kind in ("relative", "own", "inherited"))
    numbers = {".1f": found.sqnr_db, ".3g": found.largest_difference}
    return [
        *("" if one is None else share(one) for one in errors),
        *("" if one is None else format(one, spec) for spec, one in numbers.items()),
    ]


def _coloured(cell: str) -> Text:
    from rich.text import Text

    from eie_backend.show.printable import printable

    return Text(printable(cell), WARNING)
