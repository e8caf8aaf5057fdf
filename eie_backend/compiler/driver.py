"""`compile`: from a Relax module to an executable for the host and the machine."""

from __future__ import annotations

import tvm
from tvm import IRModule
from tvm.error import InternalError
from tvm.relax import VMExecutable
from tvm.target import Target

from eie_backend.codegen.external import codegen_options
from eie_backend.compiler.model_record import (
    operations_json,
    weights_after,
    weights_before,
    weights_json,
)
from eie_backend.compiler.placement import require_machine
from eie_backend.compress import compress
from eie_backend.compress.share_for_machine import ShareForMachine
from eie_backend.config import HardwareConfig
from eie_backend.errors import EncodingError, ModelError, last_line
from eie_backend.machine.choices import BALANCE, Arithmetic, BalanceMode, BiasMode, WinogradMode
from eie_backend.machine.target import as_target, config_of
from eie_backend.recipe import Recipe
from eie_backend.transform.constraints import explain, fitting_layers
from eie_backend.transform.dense_form import DenseForm, with_winograd
from eie_backend.transform.layers import dense_layers
from eie_backend.tuning.balance import balance as balance_rows
from eie_backend.tuning.calibration import Data, calibrate


def compile(
    mod: IRModule,
    target: Target | HardwareConfig | str | None = None,
    *,
    recipe: Recipe | None = None,
    calibration: Data | None = None,
    arithmetic: Arithmetic = "int16",
    bias: BiasMode = "register",
    balance: BalanceMode = "off",
    winograd: WinogradMode | None = None,
    strict: bool = False,
) -> VMExecutable:
    """Compress, calibrate and compile a Relax module for the machine.

    Parameters
    ----------
    mod : IRModule
        Relax with constant weights, for example from `from_onnx`.
    target : Target, HardwareConfig or str, optional
        The machine; the paper's 64-PE design by default.
    recipe : Recipe, optional
        How to compress; without one, weights are only shared as far as the machine needs it.
    calibration : array or mapping of str to array, optional
        Sample inputs for the fixed-point formats, as for `calibrate`. Without data, and without an
        earlier `calibrate`, activations are taken to stay within +-127.
    arithmetic : {"int16", "float32", "int8", "int32"}
        The machine's 16-bit fixed point, or another arithmetic on the same schedule.
    bias : {"register", "column"}
        Load biases at full precision, or share them as the paper's extra column.
    balance : {"off", "on", "auto"}
        Reorder a layer's outputs so that the PEs share its work: never, always, or where it takes
        fewer cycles on the calibration data (without data, on inputs without zeros). Results
        stay in their places.
    winograd : {"auto", "always", "never"}, optional
        Which 3x3 convolutions run by Winograd's algorithm, as for `compress`.
    strict : bool
        Refuse a model with a layer that would stay on the host (see `explain`). Operators that are
        no layers, like pooling, stay there by design.

    Returns
    -------
    tvm.relax.VMExecutable
        Runs in the Relax VM; `export_library` writes it.

    Raises
    ------
    ModelError
        If the machine can run no layer, or with `strict` not all; the message says why for each.
    EncodingError
        If the recipe shares weights with more bits than the machine decodes.
    RecipeError
        As for `compress`.
    """
    machine = as_target(target)
    prepared = prepare(
        mod, machine, recipe, calibration, arithmetic, bias, balance, winograd, strict=strict
    )
    return build(prepared, machine)


def build(prepared: IRModule, target: Target) -> VMExecutable:
    """Hand a prepared module to TVM.

    Raises
    ------
    ModelError
        If TVM cannot compile an operation of the host.
    """
    try:
        built: VMExecutable = tvm.compile(prepared, target=target)
    except InternalError as error:
        raise ModelError(
            f"TVM cannot compile the host's part of the model: {last_line(error)}; export the "
            "model with other operators"
        ) from error
    return built


def prepare(
    mod: IRModule,
    target: Target | HardwareConfig | str | None = None,
    recipe: Recipe | None = None,
    calibration: Data | None = None,
    arithmetic: str = "int16",
    bias: str = "register",
    balance: str = "off",
    winograd: str | None = None,
    *,
    strict: bool = False,
) -> IRModule:
    """Return the compressed, calibrated and balanced module that `compile` hands to TVM."""
    machine = as_target(target)
    config = config_of(machine)
    BALANCE.checked(balance, ModelError)
    codegen_options(config, {"arithmetic": arithmetic, "bias": bias})
    mod = with_winograd(mod, winograd)
    if strict:
        require_machine(mod, config)
    recorded = operations_json(mod)
    mod = DenseForm()(mod)
    before = weights_before(mod)
    fitting = list(fitting_layers(mod, config))
    if recipe is not None:
        check_bits(mod, recipe, config)
        mod = compress(mod, recipe, config=config)
    mod = ShareForMachine(config)(mod)
    reasons = explain(mod, config)
    if all(reasons.values()):
        why = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        raise ModelError(
            f"no layer of the model can run on the machine: {why or 'it has no dense layer'}"
        )
    if calibration is not None:
        mod = calibrate(mod, calibration)
    options = {
        "eie.arithmetic": arithmetic,
        "eie.bias": bias,
        "eie.as_is": fitting,
        "eie.operations": recorded,
        "eie.weights": weights_json(before, weights_after(mod, before, config)),
    }
    mod = mod.with_attrs(options)
    # Last: cycles depend on the weights that stay and on the zeros of the fixed-point format.
    return balance_rows(mod, machine, balance, calibration)


def check_bits(mod: IRModule, recipe: Recipe, config: HardwareConfig) -> None:
    """Refuse a recipe that shares weights with more bits than the machine decodes.

    Raises
    ------
    EncodingError
        With every layer's.
    """
    bits = {layer.name: recipe.bits_of(*layer.names) for layer in dense_layers(mod)}
    if wide := [f"{n} has bits={b}" for n, b in bits.items() if b > config.codebook_bits]:
        raise EncodingError(
            f"recipe: {', '.join(wide)}; the machine decodes {config.codebook_bits} bits: use "
            f"bits={config.codebook_bits} or fewer, or a HardwareConfig with more codebook_bits"
        )
