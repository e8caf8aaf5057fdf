"""``eie trace``: write the activity of every unit at every clock edge, for a viewer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eie_backend.cli.console import show, working
from eie_backend.cli.options import STRICT_INPUTS

if TYPE_CHECKING:
    from eie_backend.machine.choices import TraceForm

EXAMPLE = """Example:

    eie trace lenet.so --input images.npy -o lenet.perfetto-trace --window 1:500
"""
FORMS: dict[str, TraceForm] = {
    ".perfetto-trace": "perfetto",
    ".pftrace": "perfetto",
    ".vcd": "vcd",
    ".svg": "svg",
    ".png": "png",
    ".pdf": "pdf",
}
"""Formats of a trace by file suffix."""


def trace_model(
    library: Annotated[Path, typer.Argument(help="Library written by `eie compile`.")],
    input: Annotated[
        Path, typer.Option(help=".npy, or .npz with arrays by input name; one or more batches.")
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            help="File to write: .perfetto-trace for ui.perfetto.dev, .vcd for GTKWave, "
            ".svg, .png or .pdf for a picture of up to 2,000 edges.",
        ),
    ],
    sample: Annotated[int, typer.Option(help="Number of the sample, from 0.")] = 0,
    layer: Annotated[
        str | None,
        typer.Option(
            help="Trace this layer alone, by its name here or in the model; edges count from its "
            "first."
        ),
    ] = None,
    window: Annotated[
        str, typer.Option(help="FROM:TO, clock edges from 1; TO is past the last, or empty.")
    ] = "1:",
    max_bytes: Annotated[
        int, typer.Option(help="Size limit; a trace that would pass it ends early.")
    ] = 64_000_000,
    strict_inputs: Annotated[bool, STRICT_INPUTS] = False,
) -> None:
    """Trace one sample of a compiled model: Perfetto tracks, waveforms, or a picture."""
    from eie_backend.cli.files import check_place, read_inputs, write_file
    from eie_backend.errors import ModelError
    from eie_backend.show.quantities import size
    from eie_backend.simulator.runner import Runner
    from eie_backend.tracing.trace import trace

    form = FORMS.get(output.suffix)
    if form is None:
        raise ModelError(f"{output}: its name tells the form; end it in {', '.join(FORMS)}")
    edges = parse_window(window)
    check_place(output)
    with working(f"loading {library.name}"):
        runner = Runner(library)
    data = read_inputs(input, runner.specs, strict_inputs)
    with working("tracing"):
        made = trace(
            runner, data, form, sample=sample, layer=layer, window=edges, max_bytes=max_bytes
        )
    write_file(output, made.data)
    lines = [
        f"edges {made.start:,} to {made.stop - 1:,} of {made.cycles:,}, {size(len(made.data))}"
    ]
    if made.limited:
        lines.append(
            f"It ends early: more would pass {size(max_bytes)}. Raise --max-bytes, or go on with "
            f"--window {made.stop}:"
        )
    found = {
        "bytes": len(made.data),
        "cycles": made.cycles,
        "ends_early": made.limited,
        "first_edge": made.start,
        "form": form,
        "last_edge": made.stop - 1,
    }
    show(found, *lines, written=[output])


trace_model.__doc__ = f"{trace_model.__doc__}\n\n{EXAMPLE}"


def parse_window(text: str) -> tuple[int, int | None]:
    """Return ``FROM:TO`` as a pair.

    Raises
    ------
    ModelError
        If the text has another form.
    """
    from eie_backend.errors import ModelError

    if not re.fullmatch("[0-9]{1,18}:[0-9]{0,18}", text):
        raise ModelError(f"--window {text}: not FROM:TO, for example --window 1:1000")
    start, _, stop = text.partition(":")
    return int(start), int(stop) if stop else None
