"""`compressed`: form 2, plain Relax in dense form with few values, calibrated and balanced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tvm import IRModule

from eie_backend.compiler.model_record import (
    operations_json,
    weights_after,
    weights_before,
    weights_json,
)
from eie_backend.compiler.operations import operations
from eie_backend.compiler.placement import placements, require_machine
from eie_backend.compress.share_for_machine import ShareForMachine
from eie_backend.compress.steps import dense_steps
from eie_backend.config import HardwareConfig
from eie_backend.errors import EncodingError, ModelError
from eie_backend.machine.choices import Arithmetic, BalanceMode, BiasMode, WinogradMode
from eie_backend.machine.numerics import value_bits
from eie_backend.recipe import Recipe
from eie_backend.transform.attributes import ModuleAttributes, attributes, with_attributes
from eie_backend.transform.constraints import fits_codebook, layer_reasons
from eie_backend.transform.host_layers import with_host_layers
from eie_backend.transform.layers import DenseLayer, layers_of
from eie_backend.tuning.balance import balance_layers
from eie_backend.tuning.calibration import Data, calibrate_dense
from eie_backend.tuning.synthetic import calibrate_synthetic


@dataclass(frozen=True)
class Settings:
    """What a user wants of a module on its way to the machine; see `compile`.

    Where `arithmetic`, `bias` or `winograd` is None, the module's own attribute counts. `prepares`
    is for `prepare`: the machine must be able to run at least one layer, and notes for reports are
    made anew. TVM's pipeline leaves it False: a prepared module keeps its notes.
    """

    config: HardwareConfig
    recipe: Recipe | None = None
    calibration: Data | None = None
    arithmetic: Arithmetic | None = None
    bias: BiasMode | None = None
    winograd: WinogradMode | None = None
    balance: BalanceMode = "off"
    strict: bool = False
    prepares: bool = False

    def chosen(self, own: ModuleAttributes) -> dict[str, str]:
        """Return the attributes that hold from now on for a module that came with its `own`."""
        found: dict[str, str] = {
            "arithmetic": self.arithmetic or own.arithmetic,
            "bias": self.bias or own.bias,
        }
        return found if self.winograd is None else {**found, "winograd": self.winograd}


def compressed(mod: IRModule, settings: Settings) -> IRModule:
    """Return a module in dense form whose layers the machine can run, for one machine.

    Raises
    ------
    ModelError, EncodingError, RecipeError, InputError
        As for `compile`.
    """
    config, own = settings.config, attributes(mod)
    noted = ModuleAttributes() if settings.prepares else own
    model = operations(mod)
    changed = {
        **settings.chosen(own),
        "operations": noted.operations or operations_json(mod, model),
    }
    noting = with_attributes(mod, **changed)
    dense, layers, recipe = with_host_layers(noting, settings.recipe)
    if settings.strict:
        require_machine(placements(model, dense, layers, config))
    before = {} if noted.weights else weights_before(layers)
    if not noted.weights:
        as_is = tuple(one.name for one in layers if fits_codebook(one.weights, config))
        dense = with_attributes(dense, as_is=as_is)
    if recipe is not None:
        check_bits(layers, recipe, config)
        for step in dense_steps(dense, layers, recipe, config):
            dense, layers = step.mod, step.layers
    shared = ShareForMachine(config).rewritten(dense, layers)
    if not shared.same_as(dense):
        dense, layers = shared, layers_of(shared)
    if settings.prepares:
        check_runs(dense, config)
    if settings.calibration is not None:
        dense = calibrate_dense(dense, layers, settings.calibration)
    elif changed["arithmetic"] != "float32" and not attributes(dense).calibration:
        dense = calibrate_synthetic(dense, layers, value_bits(attributes(dense).arithmetic))
    dense = with_attributes(dense, machine=config)
    if not noted.weights:
        after = weights_json(before, weights_after(layers, before, config))
        dense = with_attributes(dense, weights=after)
    # Last: cycles depend on the weights that stay and on the zeros of the fixed-point format.
    return balance_layers(dense, layers, settings.balance, settings.calibration)


def check_bits(layers: Sequence[DenseLayer], recipe: Recipe, config: HardwareConfig) -> None:
    """Refuse a recipe that shares weights with more bits than the machine decodes.

    Raises
    ------
    EncodingError
        With every layer's.
    RecipeError
        If it has a name that several layers have.
    """
    recipe = recipe.for_layers(layers)
    there = [layer for layer in layers if recipe.runs_on_of(*layer.names) == "machine"]
    bits = {layer.name: recipe.bits_of(*layer.names) for layer in there}
    if wide := [f"{n} has bits={b}" for n, b in bits.items() if b > config.codebook_bits]:
        raise EncodingError(
            f"recipe: {', '.join(wide)}; the machine decodes {config.codebook_bits} bits: use "
            f"bits={config.codebook_bits} or fewer, or a HardwareConfig with more codebook_bits"
        )


def check_runs(dense: IRModule, config: HardwareConfig) -> None:
    """Refuse a module of which the machine can run no layer.

    Raises
    ------
    ModelError
        With every layer, and why.
    """
    reasons = []
    for name, reason in layer_reasons(dense, config):
        if reason is None:
            return
        reasons.append(f"{name}: {reason}")
    why = "; ".join(reasons) or "it has no dense layer; see explain"
    raise ModelError(f"no layer of the model can run on the machine: {why}")
