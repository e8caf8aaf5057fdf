"""`compile`: from a Relax module to an executable for the host and the machine."""

from __future__ import annotations

import tvm
from tvm import IRModule
from tvm.relax import VMExecutable
from tvm.target import Target

from eie_backend.calibration import Data, calibrate
from eie_backend.codegen.external import codegen_options
from eie_backend.codegen.generate import BiasMode
from eie_backend.compress import compress
from eie_backend.config import HardwareConfig
from eie_backend.errors import EncodingError, ModelError
from eie_backend.isa.program import Arithmetic
from eie_backend.recipe import Recipe
from eie_backend.targets import config_of, is_eie, target
from eie_backend.transform.constraints import explain
from eie_backend.transform.dense_form import DenseForm, with_winograd
from eie_backend.transform.layers import dense_layers
from eie_backend.transform.pipeline import ShareForMachine
from eie_backend.transform.winograd import Mode


def compile(
    mod: IRModule,
    target: Target | HardwareConfig | str | None = None,
    *,
    recipe: Recipe | None = None,
    calibration: Data | None = None,
    arithmetic: Arithmetic = "int16",
    bias: BiasMode = "register",
    winograd: Mode | None = None,
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
    winograd : {"auto", "always", "never"}, optional
        Which 3x3 convolutions run by Winograd's algorithm, as for `compress`.

    Returns
    -------
    tvm.relax.VMExecutable
        Runs in the Relax VM; `export_library` writes it.

    Raises
    ------
    ModelError
        If the machine can run no layer; the message says why for each.
    EncodingError
        If the recipe shares weights with more bits than the machine decodes.
    """
    machine = as_target(target)
    return build(prepare(mod, machine, recipe, calibration, arithmetic, bias, winograd), machine)


def build(prepared: IRModule, target: Target) -> VMExecutable:
    """Hand a prepared module to TVM."""
    built: VMExecutable = tvm.compile(prepared, target=target)
    return built


def as_target(machine: Target | HardwareConfig | str | None) -> Target:
    """Return the TVM target of a machine given in any form.

    Raises
    ------
    ModelError
        If it is another TVM target.
    """
    if machine is None or isinstance(machine, HardwareConfig):
        return target(machine)
    found = Target(machine) if isinstance(machine, str) else machine
    if not is_eie(found):
        raise ModelError(f"target {found} is not an eie target; use target='eie'")
    return found


def prepare(
    mod: IRModule,
    target: Target | HardwareConfig | str | None = None,
    recipe: Recipe | None = None,
    calibration: Data | None = None,
    arithmetic: str = "int16",
    bias: str = "register",
    winograd: str | None = None,
) -> IRModule:
    """Return the compressed and calibrated module that `compile` hands to TVM."""
    config = config_of(as_target(target))
    codegen_options(config, {"arithmetic": arithmetic, "bias": bias})
    mod = DenseForm()(with_winograd(mod, winograd))
    if recipe is not None:
        _check_bits(mod, recipe, config)
        mod = compress(mod, recipe)
    mod = ShareForMachine(config)(mod)
    reasons = explain(mod, config)
    if all(reasons.values()):
        why = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        raise ModelError(
            f"no layer of the model can run on the machine: {why or 'it has no dense layer'}"
        )
    if calibration is not None:
        mod = calibrate(mod, calibration)
    return mod.with_attrs({"eie.arithmetic": arithmetic, "eie.bias": bias})


def _check_bits(mod: IRModule, recipe: Recipe, config: HardwareConfig) -> None:
    bits = {layer.name: recipe.bits_of(layer.name, layer.source) for layer in dense_layers(mod)}
    if wide := [f"{n} has bits={b}" for n, b in bits.items() if b > config.codebook_bits]:
        raise EncodingError(
            f"recipe: {', '.join(wide)}; the machine decodes {config.codebook_bits} bits: use "
            f"bits={config.codebook_bits} or fewer, or a HardwareConfig with more codebook_bits"
        )
