"""``eie run``: execute a compiled library."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eie_backend.cli.console import show
from eie_backend.cli.execute import execute
from eie_backend.cli.options import REMOTE, STRICT_INPUTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

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
    remote: Annotated[str | None, REMOTE] = None,
    strict_inputs: Annotated[bool, STRICT_INPUTS] = False,
) -> None:
    """Run a compiled model on the simulated machine and print or write its results."""
    import numpy as np

    outputs = execute(library, input, remote=remote, strict=strict_inputs).report.outputs
    rows: list[dict[str, Any]] = [
        {"dtype": str(value.dtype), "shape": value.shape} for value in outputs
    ]
    if output is not None:
        _write(outputs, output)
        show({"outputs": rows}, written=[output])
        return
    lines = []
    for number, (row, value) in enumerate(zip(rows, outputs, strict=True)):
        row["values"] = value.tolist()
        lines.append(f"output {number}: {value.dtype} {value.shape}")
        lines += np.array2string(value, threshold=200, precision=6).split("\n")
    show({"outputs": rows}, *lines)


run_model.__doc__ = f"{run_model.__doc__}\n\n{EXAMPLE}"


def _write(outputs: Sequence[NDArray[Any]], path: Path) -> None:
    """Write results to a ``.npy`` or a ``.npz``."""
    import io

    import numpy as np

    from eie_backend.cli.files import write_file
    from eie_backend.errors import InputError

    if path.suffix == ".npy" and len(outputs) > 1:
        raise InputError(f"{path}: a .npy holds one result, the model has {len(outputs)}: use .npz")
    buffer = io.BytesIO()
    if path.suffix == ".npy":
        np.save(buffer, outputs[0])
    else:
        np.savez(buffer, *outputs)
    write_file(path, buffer.getvalue())
