"""`compile`: from a Relax module to an executable for the host and the machine."""

from __future__ import annotations

import tvm
from tvm import IRModule
from tvm.error import InternalError
from tvm.relax import VMExecutable
from tvm.target import Target

from eie_backend.compiler.compressed import Settings
from eie_backend.compiler.pipeline import run
from eie_backend.errors import ModelError, last_line
from eie_backend.machine.choices import (
    ARITHMETIC,
    BALANCE,
    BIAS,
    WINOGRAD,
    Arithmetic,
    BalanceMode,
    BiasMode,
    WinogradMode,
)
from eie_backend.machine.target import Machine, as_target, config_of
from eie_backend.recipe import AnyRecipe, as_recipe
from eie_backend.schedules.schedule import KernelSchedule
from eie_backend.transform.given import check_module
from eie_backend.tuning.calibration import Data


def compile(
    mod: IRModule,
    target: Machine = None,
    *,
    recipe: AnyRecipe = None,
    calibration: Data | None = None,
    arithmetic: Arithmetic | None = None,
    bias: BiasMode | None = None,
    balance: BalanceMode = "off",
    winograd: WinogradMode | None = None,
    strict: bool = False,
    schedule: KernelSchedule | None = None,
) -> VMExecutable:
    """Compress, calibrate and compile a Relax module for the machine.

    Parameters
    ----------
    mod : IRModule
        Relax with constant weights, for example from `from_onnx`.
    target : Target, HardwareConfig, mapping or str, optional
        The machine, or some of its sizes by name; the paper's 64-PE design by default.
    recipe : Recipe, mapping or path, optional
        How to compress, as a `Recipe`, its fields by name, or a file. Without a recipe, only layers
        with too many different weights for the machine's codebook get shared weights.
    calibration : array or mapping of str to array, optional
        Sample inputs for the fixed-point formats, as for `calibrate`. Without data, and without an
        earlier `calibrate`, inputs are drawn, always the same, and the formats have room for larger
        ones; see `calibrate_synthetic`.
    arithmetic : {"int16", "float32", "int8", "int32"}, optional
        The machine's 16-bit fixed point, or another arithmetic on the same schedule. By default
        what the module's attribute ``eie.arithmetic`` says, or "int16".
    bias : {"register", "column"}, optional
        Load biases at full precision, or encode them as an extra matrix column, as in the paper. By
        default what the module's attribute ``eie.bias`` says, or "register".
    balance : {"off", "on", "auto"}
        Reorder a layer's outputs to balance the load of the PEs: never, always, or where the new
        order takes fewer cycles on the calibration data (without data, on inputs without zeros).
        The order of the model's results does not change.
    winograd : {"auto", "always", "never"}, optional
        Which 3x3 convolutions run by Winograd's algorithm, as for `compress`.
    strict : bool
        Refuse a model with a layer that would stay on the host (see `explain`). Operators without
        weights, like pooling, run on the host by design.
    schedule : callable, optional
        ``schedule(kernel, layer)`` returns a layer's kernel in tiles, in place of the compiler's
        `eie_backend.schedules.schedule.fewest_tiles`, whose signature it has. Results stay the same
        bit for bit: a kernel that sums otherwise, or does not fit the machine, is refused. The
        manifest of the programs names the function. `balance` counts cycles on the compiler's own
        tiles. For TVM's own entry points: ``tvm.compile(mod, "eie",
        relax_pipeline=tvm.relax.get_pipeline("default", schedule=schedule))``.

    Returns
    -------
    tvm.relax.VMExecutable
        Runs in the Relax VM; `export_library` writes it.

    Raises
    ------
    ModelError
        If the machine cannot run any layer, or, with `strict`, if it cannot run all layers. The
        message gives a reason for each layer. If `schedule` fails, or gives a kernel that the
        machine cannot run, with the layer and all faults.
    EncodingError
        If the recipe shares weights with more bits than the machine decodes.
    RecipeError
        As for `compress`.
    """
    machine = as_target(target)
    prepared = prepare(
        mod, machine, recipe, calibration, arithmetic, bias, balance, winograd, strict=strict
    )
    return build(prepared, machine, schedule)


def build(
    prepared: IRModule, target: Target, schedule: KernelSchedule | None = None
) -> VMExecutable:
    """Compile a prepared module with TVM; `schedule` is that of `compile`.

    Raises
    ------
    ModelError
        If TVM cannot compile a host operation, or the module was prepared for another machine.
    """
    pipeline = tvm.relax.get_pipeline("default", schedule=schedule)
    try:
        built: VMExecutable = tvm.compile(prepared, target=target, relax_pipeline=pipeline)
    except InternalError as error:
        raise ModelError(
            f"TVM cannot compile the host's part of the model: {last_line(error)}; export the "
            "model with other operators"
        ) from error
    return built


def prepare(
    mod: IRModule,
    target: Machine = None,
    recipe: AnyRecipe = None,
    calibration: Data | None = None,
    arithmetic: str | None = None,
    bias: str | None = None,
    balance: str = "off",
    winograd: str | None = None,
    *,
    strict: bool = False,
) -> IRModule:
    """Return the compressed, calibrated and balanced module that `compile` hands to TVM."""
    check_module(mod, "compile")
    settings = Settings(
        config_of(as_target(target)),
        as_recipe(recipe),
        calibration,
        None if arithmetic is None else ARITHMETIC.checked(arithmetic, ModelError),
        None if bias is None else BIAS.checked(bias, ModelError),
        None if winograd is None else WINOGRAD.checked(winograd, ModelError),
        BALANCE.checked(balance, ModelError),
        strict=strict,
        prepares=True,
    )
    prepared: IRModule = run(mod, "relax", "compressed", settings)
    return prepared
