"""`Recipe`: how a model is compressed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TypeVar

from eie_backend.errors import RecipeError

MIN_BITS, MAX_BITS = 1, 8

T = TypeVar("T", float, int)


@dataclass(frozen=True)
class Recipe:
    """Density and codebook bits per layer.

    Parameters
    ----------
    density : float or mapping of str to float
        Share of weights kept, in (0, 1]; one value for all layers, or by layer name or
        ``fnmatch`` pattern (the first match counts; layers without one keep all weights). The name
        of a convolution also stands for all 16 products of Winograd's algorithm; of the weights
        of a convolution with groups, the zeros between groups do not count.
    bits : int or mapping of str to int
        Codebook index bits, 1 to 8 (the default machine decodes 4); by name or pattern likewise,
        layers without a match take 4.

    Raises
    ------
    RecipeError
        If a value is impossible; all faults are reported at once.

    Notes
    -----
    **Source**: Deep Compression, sections 2 and 3. The default prunes nothing: without retraining
    a density is the user's decision.

    Examples
    --------
    >>> Recipe(density={"fc*": 0.1}).density_of("fc1")
    0.1
    """

    density: float | Mapping[str, float] = 1.0
    bits: int | Mapping[str, int] = 4

    def __post_init__(self) -> None:
        faults = [
            f"density{_at(key)} = {value!r} is not a number in (0, 1]"
            for key, value in _items(self.density)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 1
        ]
        faults += [
            f"bits{_at(key)} = {value!r} is not an integer in {MIN_BITS}..{MAX_BITS}"
            for key, value in _items(self.bits)
            if isinstance(value, bool)
            or not isinstance(value, int)
            or not MIN_BITS <= value <= MAX_BITS
        ]
        if faults:
            raise RecipeError("impossible recipe: " + "; ".join(faults) + "; correct these values")

    def density_of(self, *names: str) -> float:
        """Return the density of a layer with one or several names."""
        return _lookup(self.density, names, 1.0)

    def bits_of(self, *names: str) -> int:
        """Return the codebook bits of a layer with one or several names."""
        return _lookup(self.bits, names, 4)

    def unused_patterns(self, layers: list[str]) -> list[str]:
        """Return the names and patterns that match none of `layers`."""
        patterns = [key for key, _ in (*_items(self.density), *_items(self.bits)) if key]
        return [p for p in patterns if not any(fnmatchcase(layer, p) for layer in layers)]

    def to_json(self) -> str:
        """Return the recipe as JSON with sorted keys."""
        settings = {"density": self.density, "bits": self.bits}
        return json.dumps(
            {k: dict(v) if isinstance(v, Mapping) else v for k, v in settings.items()},
            sort_keys=True,
        )


def _items(setting: object) -> list[tuple[str, object]]:
    return list(setting.items()) if isinstance(setting, Mapping) else [("", setting)]


def _at(key: str) -> str:
    return f"[{key!r}]" if key else ""


def _lookup(setting: T | Mapping[str, T], names: tuple[str, ...], default: T) -> T:
    if not isinstance(setting, Mapping):
        return setting
    matches = (
        value
        for pattern, value in setting.items()
        if any(fnmatchcase(name, pattern) for name in names)
    )
    return next(matches, default)
