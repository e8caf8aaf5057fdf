"""`LayerNames`: which layers of a model a name or a pattern is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Protocol

from eie_backend.names.find import layers_called, layers_matching

WILDCARDS = frozenset("*?[")
"""What makes a pattern of a name."""


class NamedLayer(Protocol):
    """A layer as a recipe sees it: own name, name in the model, and kind; and all other names."""

    @property
    def names(self) -> tuple[str, ...]: ...  # noqa: D102

    @property
    def aliases(self) -> tuple[str, ...]: ...  # noqa: D102


class LayerNames:
    """The names of all layers of a model, to look others up among them."""

    def __init__(self, layers: Iterable[NamedLayer]) -> None:
        others: dict[str, tuple[str, ...]] = {}
        self._own = set[str]()
        for layer in layers:
            name, source, *_ = layer.names
            self._own |= {name, source}
            # Those of a convolution once, and not for each of its products.
            others[source] = tuple(dict.fromkeys([*others.get(source, ()), *layer.aliases]))
        self._others: Mapping[str, tuple[str, ...]] = others

    def meant(self, key: str) -> list[str]:
        """Return what a name, a pattern of `fnmatch` or a kind is about, in layers' own names.

        What matches a layer's own name, or that of a convolution, is about these alone, and stays
        as it is. Otherwise it is about other names: a name, for one layer, or several if it is
        ambiguous; a pattern for all that match. Nothing is found for a name that is unknown.
        """
        if key.startswith("@") or any(fnmatchcase(name, key) for name in self._own):
            return [key]
        find = layers_called if WILDCARDS.isdisjoint(key) else layers_matching
        return find(key, self._others)

    def is_ambiguous(self, key: str) -> bool:
        """Return whether `key` is no pattern, but another name that several layers have."""
        return WILDCARDS.isdisjoint(key) and len(self.meant(key)) > 1
