"""``eie compile``: compile an ONNX file to a library, or to an intermediate form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eie_backend.cli.bindings import BIND, BIND_VALUE
from eie_backend.cli.console import asked, echo, show, working
from eie_backend.cli.importing import VERIFY, imported
from eie_backend.cli.options import (
    CODEBOOK_BITS,
    MACHINE,
    NUM_PE,
    STRICT_INPUTS,
    choice,
    machine_of,
)
from eie_backend.machine.choices import ARITHMETIC, BALANCE, BIAS, STAGE, WINOGRAD

if TYPE_CHECKING:
    from tvm import IRModule

    from eie_backend.recipe import Recipe

EXAMPLE = """Example:

    eie compile lenet.onnx -o lenet.so --density 0.25 --bind batch=1
"""


def compile_model(
    model: Annotated[Path, typer.Argument(help="ONNX or .eiez file.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Library or --emit file to write.")
    ] = None,
    recipe: Annotated[
        Path | None,
        typer.Option(help="YAML or JSON recipe, by layer, instead of --density and --bits."),
    ] = None,
    density: Annotated[
        float | None,
        typer.Option(help="Share of weights kept in every layer, in (0, 1]; 1 by default."),
    ] = None,
    bits: Annotated[
        int | None,
        typer.Option(help="Codebook bits of every layer; by default those of the machine."),
    ] = None,
    machine: Annotated[str | None, MACHINE] = None,
    num_pe: Annotated[int | None, NUM_PE] = None,
    codebook_bits: Annotated[int | None, CODEBOOK_BITS] = None,
    fifo_depth: Annotated[
        int | None, typer.Option(help="Ring slots of each activation queue; 8 without --machine.")
    ] = None,
    spmat_width: Annotated[
        int | None, typer.Option(help="Weight SRAM word in bits; 64 without --machine.")
    ] = None,
    accumulator_bits: Annotated[
        int | None, typer.Option(help="Destination register width, 16 or 32.")
    ] = None,
    arithmetic: Annotated[
        str, choice(ARITHMETIC, "The machine's 16-bit fixed point, or another arithmetic.")
    ] = "int16",
    bias: Annotated[
        str, choice(BIAS, "Load biases in full precision, or share them as one more column.")
    ] = "register",
    balance: Annotated[
        str,
        choice(
            BALANCE,
            "Reorder a layer's outputs so that the PEs share its work: never, always, or where it "
            "takes fewer cycles on the --calibrate inputs.",
        ),
    ] = "off",
    winograd: Annotated[
        str,
        choice(
            WINOGRAD,
            "Winograd products for 3x3 convolutions: where they take fewer multiplications, "
            "always or never.",
        ),
    ] = "auto",
    calibrate: Annotated[
        Path | None,
        typer.Option(
            help=".npz or .npy with sample inputs, and `labels` if there are: for number formats, "
            "and for what the float network answers beside the machine."
        ),
    ] = None,
    bind: Annotated[list[str] | None, BIND] = None,
    bind_value: Annotated[list[str] | None, BIND_VALUE] = None,
    verify: Annotated[bool, VERIFY] = True,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Refuse a model with a layer that would stay on the host."),
    ] = False,
    strict_inputs: Annotated[bool, STRICT_INPUTS] = False,
    emit: Annotated[
        str | None,
        choice(STAGE, "Write a form instead of a library; on screen, large constants are elided."),
    ] = None,
) -> None:
    """Prune, share, calibrate and compile an ONNX model for the machine."""
    from eie_backend import compiler
    from eie_backend.cli.beside import beside, without_data
    from eie_backend.cli.files import STANDARD, about, check_place, check_standard, read_samples
    from eie_backend.cli.tables import balance_table, layer_plan, plan_table
    from eie_backend.codegen.library import export_library
    from eie_backend.compiler.stages import emit as emit_stage
    from eie_backend.errors import InputError, ModelError
    from eie_backend.fidelity.told import prunes
    from eie_backend.machine.target import as_target
    from eie_backend.profiler.expected import Expected
    from eie_backend.transform.attributes import attributes
    from eie_backend.transform.inputs import input_specs

    if emit is not None and emit not in STAGE.values:
        raise ModelError(f"--emit {emit}: no such form; choose one of {', '.join(STAGE.values)}")
    if arithmetic is not None:
        ARITHMETIC.checked(arithmetic, ModelError)
    if bias is not None:
        BIAS.checked(bias, ModelError)
    BALANCE.checked(balance, ModelError)
    WINOGRAD.checked(winograd, ModelError)
    if output is None and emit in (None, "image"):
        raise ModelError("nowhere to write: give -o FILE")
    if output is not None:
        check_standard(output)
        if output != STANDARD:
            check_place(output, None if emit else ".so")
    config = machine_of(
        machine,
        num_pe=num_pe,
        codebook_bits=codebook_bits,
        fifo_depth=fifo_depth,
        spmat_width_bits=spmat_width,
        accumulator_bits=accumulator_bits,
    )
    target = as_target(config)
    chosen = _recipe(recipe, {"density": density, "bits": bits}, config.codebook_bits)
    found = [imported(model, bind, bind_value, verify, calibrate)]
    data, expected = None, None
    if calibrate is not None:
        data, labels = read_samples(calibrate, input_specs(found[0]), strict_inputs)
        if emit is None:
            with working("running the float network"), about(calibrate, InputError):
                expected = Expected(found[0], data, labels)

    def prepare() -> IRModule:
        with working("compressing and calibrating"):
            # Pass ownership, so that the imported weights are freed as soon as they are compressed.
            return compiler.prepare(
                found.pop(),
                target,
                chosen,
                data,
                arithmetic,
                bias,
                balance,
                winograd,
                strict=strict,
            )

    if emit is not None:
        with about(model, ModelError):
            parts = emit_stage(emit, found[0], prepare, target, complete=output is not None)
        _emit(emit, parts, output)
        return
    assert output is not None
    with about(model, ModelError):
        prepared = prepare()
    with working("compiling"):
        with about(model, ModelError):
            executable = compiler.build(prepared, target)
        export_library(executable, output)
    plan = layer_plan(prepared, executable, target)
    tables: list[Any] = [plan_table(plan)]
    balanced = None
    if balance != "off":
        balanced = json.loads(attributes(prepared).balance)
        tables.append(balance_table(balanced))
    result = {"balance": balanced, "formats": attributes(prepared).formats or None, "layers": plan}
    answers: dict[str, Any] = dict.fromkeys(("accuracy", "fidelity", "reference_accuracy"))
    if expected is None:
        tables += without_data(attributes(prepared), prunes(chosen.to_json()))
    else:
        with working("running the machine"):
            compared = expected.compared(output)
        answers = compared.to_dict()
        tables += beside(*compared)
    show({**result, **answers}, *tables, written=[output])


compile_model.__doc__ = f"{compile_model.__doc__}\n\n{EXAMPLE}"


def _recipe(path: Path | None, settings: dict[str, Any], bits: int) -> Recipe:
    """Return the recipe of a file or of the options; `bits` are those of the machine.

    Raises
    ------
    RecipeError
        If both are given, or the recipe is impossible.
    """
    from eie_backend.errors import RecipeError
    from eie_backend.recipe import Recipe, read_recipe

    given = {name: value for name, value in settings.items() if value is not None}
    if path is None:
        return Recipe(**{"bits": bits, **given})
    if given:
        options = " and ".join(f"--{name}" for name in given)
        raise RecipeError(f"--recipe {path} with {options}: write {options} into the recipe")
    return read_recipe(path)


def _emit(form: str, parts: list[str | bytes], output: Path | None) -> None:
    """Print the parts of a form, or write each to a numbered file."""
    from eie_backend.cli.files import write_parts

    if output is not None:
        show({"form": form}, written=write_parts(parts, output))
    elif asked.json:
        show({"form": form, "parts": parts})
    else:
        for part in parts:
            echo(f"{part!s}\n")
