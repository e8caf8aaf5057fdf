"""`compression_steps`: compress a Relax module step by step, each guarded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tvm import IRModule

from eie_backend.compress.densities import target_densities
from eie_backend.compress.guards import Drift, guard
from eie_backend.compress.prune import Prune
from eie_backend.compress.share_weights import ShareWeights
from eie_backend.config import HardwareConfig
from eie_backend.machine.choices import WinogradMode
from eie_backend.recipe import Recipe
from eie_backend.transform.dense_form import DenseForm, with_winograd
from eie_backend.transform.layers import dense_layers, weights_by_layer
from eie_backend.transform.module_pass import ModulePass


@dataclass(frozen=True, eq=False)
class Step:
    """A step of compression: the module after it, and what it changed layer by layer."""

    name: str
    mod: IRModule
    drift: list[Drift]


def compression_steps(
    mod: IRModule,
    recipe: Recipe | None = None,
    winograd: WinogradMode | None = None,
    config: HardwareConfig | None = None,
) -> Iterator[Step]:
    """Yield "prune" and "share" of `compress`, which has the same arguments and errors.

    Yields
    ------
    Step
        Its module is plain Relax and remembers the recipe.
    """
    recipe, config = recipe or Recipe(), config or HardwareConfig()
    mod = DenseForm()(with_winograd(mod, winograd)).with_attr("eie.recipe", recipe.to_json())
    for name, change, bits in _plan(mod, recipe, config):
        after = change(mod)
        drift = guard(name, weights_by_layer(mod), weights_by_layer(after), bits)
        mod = after
        yield Step(name, mod, drift)


def _plan(
    mod: IRModule, recipe: Recipe, config: HardwareConfig
) -> list[tuple[str, ModulePass, dict[str, int] | None]]:
    """Return each step's name and pass, and the codebook bits that hold after it."""
    layers = dense_layers(mod)
    names = {layer.name: layer.names for layer in layers}
    groups = {layer.name: layer.groups for layer in layers}
    weights = {layer.name: layer.weights for layer in layers}
    density = target_densities(recipe, weights, names, groups)
    # With groups, most of the matrix is zero for good; a layer that keeps all is left alone.
    shares = {name: share / groups[name] if share < 1 else 1.0 for name, share in density.items()}
    method = {name: recipe.method_of(*called) for name, called in names.items()}
    bits = {name: recipe.bits_of(*called) for name, called in names.items()}
    starts = {name: recipe.initialization_of(*called) for name, called in names.items()}
    return [
        # Pruning first: shared values are the means of the weights that stay.
        ("prune", Prune(shares, method, config.num_pe), None),
        ("share", ShareWeights(bits, starts), bits),
    ]
