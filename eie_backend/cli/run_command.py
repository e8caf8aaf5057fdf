"""``eie run``: execute a compiled library."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eie_backend.cli.console import err, out
from eie_backend.cli.execute import execute

EXAMPLE = """Example:

    eie run lenet.so --input images.npy -o logits.npy
"""


def run_model(
    library: Annotated[Path, typer.Argument(help="Library written by `eie compile`.")],
    input: Annotated[
        Path, typer.Option(help=".npy, or .npz with arrays by input name; one or more batches.")
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help=".npz (or .npy for one result) to write.")
    ] = None,
) -> None:
    """Run a compiled model on the simulated machine and print or write its results."""
    import io

    import numpy as np

    from eie_backend.cli.files import write_file
    from eie_backend.errors import InputError

    outputs = execute(library, input).outputs
    if output is None:
        for number, value in enumerate(outputs):
            out.print(f"output {number}: {value.dtype} {value.shape}", highlight=False)
            typer.echo(np.array2string(value, threshold=200, precision=6))
        return
    if output.suffix == ".npy" and len(outputs) > 1:
        raise InputError(
            f"{output}: a .npy holds one result, the model has {len(outputs)}: use .npz"
        )
    buffer = io.BytesIO()
    if output.suffix == ".npy":
        np.save(buffer, outputs[0])
    else:
        np.savez(buffer, *outputs)
    write_file(output, buffer.getvalue())
    err.print(f"wrote {output}", highlight=False, soft_wrap=True)


run_model.__doc__ = f"{run_model.__doc__}\n\n{EXAMPLE}"
