"""Find the layers that a user means: by their names, or by what their source calls them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase

from eie_backend.errors import ConfigError
from eie_backend.names.rule import identifier, owner

WEIGHT = ".weight"
"""What frameworks append to a module's path for its weights."""


def layers_called(wanted: str, layers: Mapping[str, Collection[str]]) -> list[str]:
    """Return the layers that a name stands for: one, several if it is ambiguous, or none.

    A layer's own name counts before other names, and these before names that follow from them:
    the weights of what has a name, and the identifier that a name becomes.

    Parameters
    ----------
    wanted : str
        What the user says.
    layers : mapping of str to collection of str
        The layers' other names.

    Examples
    --------
    >>> layers = {"net_1": ("node_linear",), "net_3": ("node_linear_1",)}
    >>> [layers_called(name, layers) for name in ("net_1", "node_linear", "net.3.weight", "net")]
    [['net_1'], ['net_1'], ['net_3'], []]
    """
    for name in _readings(wanted):
        if name in layers:
            return [name]
        if found := [layer for layer, others in layers.items() if name in others]:
            return found
    return []


def layers_matching(pattern: str, layers: Mapping[str, Collection[str]]) -> list[str]:
    """Return the layers of which another name matches a pattern of `fnmatch`.

    Examples
    --------
    >>> layers = {"net_1": ("net.1", "node_linear"), "head": ("node_linear_1",)}
    >>> layers_matching("node_*", layers), layers_matching("net.*.weight", layers)
    (['net_1', 'head'], ['net_1'])
    """
    return [
        layer
        for layer, others in layers.items()
        if any(name == pattern or fnmatchcase(name, pattern) for name in _spellings(layer, others))
    ]


def the_layer(wanted: str, layers: Mapping[str, Collection[str]]) -> str:
    """Return the name of the one layer that a user means.

    Raises
    ------
    ConfigError
        If none is called so, or several are, as the products of a convolution are.
    """
    found = layers_called(wanted, layers) or [n for n in layers if is_product_of(n, wanted)]
    if not found:
        raise ConfigError(f"layer {wanted!r} is unknown; choose one of {', '.join(layers)}")
    if len(found) > 1:
        raise ConfigError(
            f"layer {wanted!r} stands for {len(found)} layers; choose one of {', '.join(found)}"
        )
    return found[0]


def not_derived(layers: Mapping[str, Collection[str]]) -> dict[str, list[str]]:
    """Return the other names that do not follow from the layers' own: what must be written down.

    Examples
    --------
    >>> not_derived({"net_1": ("net.1", "node_linear"), "fc": ()})
    {'net_1': ['node_linear']}
    """
    bare: dict[str, tuple[str, ...]] = dict.fromkeys(layers, ())
    found = {
        layer: [name for name in others if layers_called(name, bare) != [layer]]
        for layer, others in layers.items()
    }
    return {layer: names for layer, names in found.items() if names}


def product_name(stem: str, number: int) -> str:
    """Return the name of a product of Winograd's algorithm.

    Examples
    --------
    >>> product_name("conv", 3)
    'conv_w3'
    """
    return f"{stem}_w{number}"


def is_product_of(layer: str, convolution: str) -> bool:
    """Return whether a layer has the name of a product of that convolution.

    Examples
    --------
    >>> is_product_of("conv_1_w3", "conv.1.weight"), is_product_of("conv", "conv")
    (True, False)
    """
    stems = (re.escape(name) for name in _readings(convolution))
    return any(re.fullmatch(rf"{stem}_*_w\d+", layer) for stem in stems)


def _readings(name: str) -> tuple[str, str, str]:
    """Return a name, what it belongs to if it is one of weights, and that as an identifier."""
    plain = owner(name) or name
    return name, plain, identifier(plain)


def _spellings(layer: str, others: Collection[str]) -> list[str]:
    """Return the names to which a pattern is held."""
    names = [layer, *others]
    return [*others, *(name + WEIGHT for name in names)]
