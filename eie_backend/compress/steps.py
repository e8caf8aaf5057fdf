"""`compression_steps`: compress a Relax module step by step, each guarded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tvm import IRModule

from eie_backend.compress.densities import target_densities
from eie_backend.compress.guards import Drift, guard
from eie_backend.compress.prune import Prune
from eie_backend.compress.share_weights import ShareWeights
from eie_backend.config import HardwareConfig
from eie_backend.machine.choices import WinogradMode
from eie_backend.recipe import AnyRecipe, Recipe, as_recipe
from eie_backend.transform.attributes import with_attributes
from eie_backend.transform.given import check_module
from eie_backend.transform.host_layers import for_machine, named_layers, with_host_layers
from eie_backend.transform.layers import DenseLayer, layers_of, weights_by_layer


@dataclass(frozen=True, eq=False)
class CompressionStep:
    """A step of compression: the module after it, its layers, and what it changed in each."""

    name: str
    mod: IRModule
    layers: list[DenseLayer]
    drift: list[Drift]


def compression_steps(
    mod: IRModule,
    recipe: AnyRecipe = None,
    winograd: WinogradMode | None = None,
    config: HardwareConfig | None = None,
) -> Iterator[CompressionStep]:
    """Yield "prune" and "share" of `compress`, which has the same arguments and errors.

    Yields
    ------
    CompressionStep
        Its module is plain Relax and remembers the recipe.
    """
    check_module(mod, "compress")
    if winograd is not None:
        mod = with_attributes(mod, winograd=winograd)
    dense, layers, wanted = with_host_layers(mod, as_recipe(recipe) or Recipe())
    assert wanted is not None
    yield from dense_steps(dense, layers, wanted, config or HardwareConfig())


def dense_steps(
    mod: IRModule, layers: Sequence[DenseLayer], recipe: Recipe, config: HardwareConfig
) -> Iterator[CompressionStep]:
    """Yield the same steps of a module in dense form.

    Parameters
    ----------
    mod : IRModule
        A module in dense form.
    layers : sequence of DenseLayer
        Its layers.
    recipe : Recipe
        How they are compressed, by their own names; those that it keeps on the host are not.
    config : HardwareConfig
        The machine.

    Yields
    ------
    CompressionStep
        Its module is plain Relax and remembers the recipe.
    """
    mod = with_attributes(mod, recipe=recipe.to_json())
    known = [name for layer in named_layers(mod, layers) for name in layer.names[:2]]
    for name, change, bits in _plan(for_machine(mod, layers), known, recipe, config):
        after = change.rewritten(mod, layers)
        found = layers_of(after)
        drift = guard(name, weights_by_layer(layers), weights_by_layer(found), bits)
        mod, layers = after, found
        yield CompressionStep(name, mod, found, drift)


def _plan(
    layers: Sequence[DenseLayer], known: Sequence[str], recipe: Recipe, config: HardwareConfig
) -> list[tuple[str, Prune | ShareWeights, dict[str, int] | None]]:
    """Return each step's name and pass, and the codebook bits that hold after it.

    `known` are the names of all layers, those on the host among them.
    """
    names = {layer.name: layer.names for layer in layers}
    groups = {layer.name: layer.groups for layer in layers}
    weights = weights_by_layer(layers)
    density = target_densities(recipe, weights, names, groups, known)
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
