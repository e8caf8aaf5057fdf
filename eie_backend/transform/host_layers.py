"""`with_host_layers`: the dense form of a module, with the layers on the host that a recipe keeps.

The module's attribute ``eie.on_host`` names them, as they are called in the model. A convolution of
it stays one: it becomes no matmul, whichever way the machine would compute it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tvm import IRModule

from eie_backend.names.meant import NamedLayer
from eie_backend.recipe import Recipe
from eie_backend.transform.attributes import attributes, with_attributes
from eie_backend.transform.convolution import is_convolution
from eie_backend.transform.dense_form import DenseForm
from eie_backend.transform.layers import (
    DenseLayer,
    aliases_of,
    dense_layers,
    layer_bindings,
    layers_of,
)

HOST = "host"


class HostLayer(NamedTuple):
    """A convolution on the host, as a recipe sees it."""

    names: tuple[str, ...]
    aliases: tuple[str, ...]


def with_host_layers(
    mod: IRModule, recipe: Recipe | None = None
) -> tuple[IRModule, list[DenseLayer], Recipe | None]:
    """Return a module in dense form, its dense layers, and the recipe with the layers' own names.

    Layers that the module's attribute names stay on the host, and those that the recipe names.

    Raises
    ------
    ModelError
        As `dense_layers`.
    RecipeError
        If the recipe has a name that several layers have.
    """
    dense = DenseForm()(mod)
    layers = dense_layers(dense)
    if recipe is None:
        return dense, layers, None
    recipe = recipe.for_layers(named_layers(dense, layers))
    before = attributes(dense).on_host
    kept = [layer for layer in layers if recipe.runs_on_of(*layer.names) == HOST]
    added = dict.fromkeys(layer.source for layer in kept if layer.source not in before)
    if not added:
        return dense, layers, recipe
    on_host = (*before, *added)
    if any(layer.is_convolution for layer in kept):
        dense = DenseForm()(with_attributes(mod, on_host=on_host))
        return dense, layers_of(dense), recipe
    return with_attributes(dense, on_host=on_host), layers, recipe


def named_layers(dense: IRModule, layers: Sequence[DenseLayer]) -> list[NamedLayer]:
    """Return all that a recipe may name: the layers of a dense form, and convolutions on the host.

    The latter are those that a recipe kept there.
    """
    noted = attributes(dense)
    kept = [
        binding.var.name
        for binding, _ in layer_bindings(dense)
        if is_convolution(binding.value) and binding.var.name in noted.on_host
    ]
    return [*layers, *(HostLayer((name, name, "@conv"), aliases_of(name, noted)) for name in kept)]


def for_machine(dense: IRModule, layers: Sequence[DenseLayer]) -> list[DenseLayer]:
    """Return the layers of a dense form that no recipe keeps on the host."""
    on_host = attributes(dense).on_host
    return [layer for layer in layers if layer.source not in on_host]


def kept_on_host(mod: IRModule, recipe: Recipe) -> IRModule:
    """Return a module that remembers which of its layers the recipe keeps on the host.

    Parameters
    ----------
    mod : IRModule
        As it was imported: its layers have the names of the model.
    recipe : Recipe
        With the layers' own names.
    """
    found = {
        name: None
        for binding, _ in layer_bindings(mod)
        for name in [binding.var.name]
        for kind in ["@conv" if is_convolution(binding.value) else "@dense"]
        if recipe.runs_on_of(name, kind) == HOST
    }
    return with_attributes(mod, on_host=tuple(found)) if found else mod
