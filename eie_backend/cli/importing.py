"""How the commands import a model: its options, progress and what was verified."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from eie_backend.cli.bindings import parse_bindings, parse_values
from eie_backend.cli.console import asked, remark, working

if TYPE_CHECKING:
    from tvm import IRModule

VERIFY = typer.Option(
    "--verify/--no-verify",
    help="Compare what is imported with ONNX Runtime, or with ONNX's own implementation, on the "
    "samples if there are some; once for each model.",
)


def imported(
    model: Path,
    bind: list[str] | None,
    bind_value: list[str] | None,
    verify: bool,
    samples: Path | None = None,
) -> IRModule:
    """Import a model; `samples` is a file of inputs to verify it on.

    Raises
    ------
    ModelError
        As `from_onnx`.
    InputError
        If the samples cannot be read, or do not fit; the message names their file.
    """
    from eie_backend.cli.files import read_samples
    from eie_backend.errors import InputError
    from eie_backend.frontend.onnx import with_its_source
    from eie_backend.frontend.onnx_verification import verified_onnx
    from eie_backend.transform.attributes import attributes
    from eie_backend.transform.inputs import input_specs
    from eie_backend.verification.verified import not_compared

    bindings, values = parse_bindings(bind), parse_values(bind_value)
    with working(f"importing {model.name}"):
        mod, source = with_its_source(model, bindings, values)
    if verify:
        given = None if samples is None else read_samples(samples, input_specs(mod))[0]
        with working(f"verifying {model.name}"):
            try:
                mod = verified_onnx(mod, source, given)
            except InputError as error:
                raise InputError(f"{samples}: {error}" if samples else str(error)) from error
    else:
        mod = not_compared(mod, "as asked")
    if asked.verbose:
        remark(f"{model.name}: {attributes(mod).verified}")
    return mod
