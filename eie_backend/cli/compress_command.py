"""``eie compress``: find a recipe within an accuracy budget, and write the compressed model."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from eie_backend.cli.bindings import BIND, BIND_VALUE, parse_bindings, parse_values
from eie_backend.cli.console import progress, show, working
from eie_backend.cli.importing import VERIFY
from eie_backend.cli.options import MACHINE, NUM_PE, STRICT_INPUTS, choice, machine_of
from eie_backend.machine.choices import OBJECTIVE, SAMPLER
from eie_backend.pruning.methods import LAYERWISE_METHODS, PRUNING_METHOD

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import ArrayLike
    from onnx import ModelProto
    from rich.progress import TaskID

    from eie_backend.compress.report import Simulated
    from eie_backend.config import HardwareConfig
    from eie_backend.machine.choices import Objective
    from eie_backend.recipe import Recipe
    from eie_backend.search.evaluator import Evaluator
    from eie_backend.search.sensitivity import Progress
    from eie_backend.tuning.calibration import Data

EXAMPLE = """Example:

    eie compress lenet.onnx --data labelled.npz --max-drop 0.1 -o lenet.eiez --bind batch=100
"""

TRIALS = 100
"""Number of evaluations of ``--search optuna``."""

CACHE = ".eie_cache"
"""Folder of cached accuracies, next to the output."""


def compress_model(
    model: Annotated[Path, typer.Argument(help="ONNX file, float32.")],
    data: Annotated[
        Path,
        typer.Option(
            help=".npz with the model's inputs by name (or one array) and `labels`, the class of "
            "each sample. Not the data that will judge the result."
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help=".eiez file to write; its recipe goes beside it.")
    ],
    max_drop: Annotated[
        float, typer.Option(help="Accuracy that may be lost, in percentage points.")
    ] = 0.1,
    objective: Annotated[str, choice(OBJECTIVE, "What is to be least.")] = "size",
    recipe: Annotated[
        Path | None, typer.Option(help="YAML or JSON recipe to apply instead of a search.")
    ] = None,
    search: Annotated[
        str, choice(SAMPLER, "optuna looks further from what greedy found (extra `explore`).")
    ] = "greedy",
    method: Annotated[
        str,
        choice(
            LAYERWISE_METHODS,
            "How weights are pruned: "
            + "; ".join(f"{name}: {PRUNING_METHOD.meanings[name]}" for name in LAYERWISE_METHODS)
            + ".",
        ),
    ] = "magnitude",
    machine: Annotated[str | None, MACHINE] = None,
    num_pe: Annotated[int | None, NUM_PE] = None,
    calibrate: Annotated[
        Path | None,
        typer.Option(help="Sample inputs for the number formats; by default those of --data."),
    ] = None,
    bind: Annotated[list[str] | None, BIND] = None,
    bind_value: Annotated[list[str] | None, BIND_VALUE] = None,
    verify: Annotated[bool, VERIFY] = True,
    report: Annotated[
        Path | None, typer.Option(help="Also write the report, with all that was tried, as JSON.")
    ] = None,
    pictures: Annotated[
        Path | None, typer.Option(help="Folder for pictures; it is made (extra `viz`).")
    ] = None,
    strict_inputs: Annotated[bool, STRICT_INPUTS] = False,
) -> None:
    """Prune and share an ONNX model's weights within an accuracy budget, for size or for cycles."""
    from eie_backend.cli.compress_tables import remarks, steps_table
    from eie_backend.cli.files import (
        check_different,
        check_place,
        made_folder,
        read_inputs,
        read_labelled,
        write_files,
    )
    from eie_backend.cli.storage_tables import bytes_table, storage_table
    from eie_backend.compress.report import CompressionReport
    from eie_backend.errors import InputError, RecipeError
    from eie_backend.frontend.onnx import load_onnx
    from eie_backend.recipe import read_recipe
    from eie_backend.search.compress_onnx import OnnxCompression
    from eie_backend.search.pictures import pictures as drawn
    from eie_backend.search.search import check_search, search_trials
    from eie_backend.show.drawing import require_matplotlib
    from eie_backend.storage.container import read_eiez, to_eiez
    from eie_backend.transform.constraints import layer_reasons
    from eie_backend.transform.inputs import input_specs

    # Check everything now, not after hours of search.
    if search not in SAMPLER.values:
        raise RecipeError(f"--search {search}: choose one of {', '.join(SAMPLER.values)}")
    check_search(objective, max_drop)
    check_place(output, ".eiez")
    beside = output.with_suffix(".recipe.json")
    if report is not None:
        check_place(report)
        check_different(output, beside, report)
    if pictures is not None:
        check_place(pictures)
        require_matplotlib()
    wanted = None if recipe is None else read_recipe(recipe)
    config = machine_of(machine, num_pe=num_pe)
    bindings, values = parse_bindings(bind), parse_values(bind_value)
    cache = output.parent / CACHE
    samples, labels = read_labelled(data, strict_inputs)
    with working(f"importing {model.name}"):
        proto = load_onnx(model)
        try:
            network = OnnxCompression(
                *(proto, samples, labels, bindings, config, method, cache, str(model), values),
                verify=verify,
            )
        except InputError as error:
            raise InputError(f"{data}: {error}") from error
    evaluator = network.trials.evaluator
    calibration = samples
    if calibrate is not None:
        calibration = read_inputs(calibrate, input_specs(evaluator.module), strict_inputs)
    found = None
    if wanted is None:
        with _bar() as told:
            explore = TRIALS if search == "optuna" else 0
            found = search_trials(
                network.trials, max_drop / 100, cast("Objective", objective), explore, told
            )
        wanted = found.recipe
    wanted = wanted.for_layers(network.trials.layers.values())
    with working("compressing"):
        compressed, steps = network.apply(wanted)
        layers = network.storage(compressed, wanted)
    simulated = None
    if any(reason is None for _, reason in layer_reasons(evaluator.module, config)) and all(
        layer.values < config.codebook_entries for layer in layers.values()
    ):
        simulated = _simulate(
            *(compressed, wanted, evaluator, samples, calibration, bindings, values, config)
        )
    accuracies = {step.name: step.accuracy for step in steps}
    packed = to_eiez(compressed, wanted, {"accuracy": accuracies})
    made = CompressionReport(
        recipe=wanted,
        layers=layers,
        steps=tuple(steps),
        samples=evaluator.samples,
        unchanged=network.left_out(wanted),
        model_bytes=proto.ByteSize(),
        file_bytes=len(packed),
        machine=simulated,
        search=found,
    )
    files: dict[Path, str | bytes] = {beside: wanted.to_json() + "\n"}
    if report is not None:
        files[report] = made.to_json() + "\n"
    if pictures is not None:
        before, after = network.trials.weights, network.weights(compressed)
        files |= {pictures / name: image for name, image in drawn(made, before, after).items()}
    # Rename the model last: if it is new, all files are. The model also contains its recipe.
    with nullcontext() if pictures is None else made_folder(pictures):
        write_files(files | {output: packed})
    show(
        made.to_dict(),
        storage_table(layers),
        bytes_table(read_eiez(output)),
        steps_table(made),
        *remarks(made),
        written=[output, *files],
    )


compress_model.__doc__ = f"{compress_model.__doc__}\n\n{EXAMPLE}"


@contextmanager
def _bar() -> Iterator[Progress]:
    """Show a bar for each part of a search."""
    with progress() as bar:
        tasks: dict[str, TaskID] = {}

        def told(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what)
            bar.update(tasks[what], completed=done, total=total)

        yield told


def _simulate(
    model: ModelProto,
    recipe: Recipe,
    evaluator: Evaluator,
    samples: Data,
    calibration: Data,
    bindings: dict[str, int],
    values: Mapping[str, ArrayLike],
    config: HardwareConfig,
) -> Simulated:
    """Run a compressed model on the machine over all samples."""
    from eie_backend.cli.execute import execute_runner
    from eie_backend.compiler import compile
    from eie_backend.compress.report import Simulated
    from eie_backend.frontend import from_onnx
    from eie_backend.simulator.runner import Runner
    from eie_backend.transform.host_layers import kept_on_host

    with working("compiling"):
        imported = from_onnx(model, bindings, bind_values=values, verify=False)
        imported = kept_on_host(imported, recipe)
        runner = Runner(compile(imported, config, calibration=calibration))
    report = execute_runner(runner, samples)
    return Simulated(
        accuracy=evaluator.judge(report.outputs[0]),
        cycles_per_sample=sum(layer.cycles_per_sample for layer in report.layers),
        microseconds_per_sample=sum(layer.microseconds_per_sample for layer in report.layers),
        nanojoule_per_sample=sum(layer.nanojoule_per_sample for layer in report.layers),
        num_pe=config.num_pe,
        arithmetic=report.arithmetic,
    )
