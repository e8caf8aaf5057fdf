"""The design space of a sweep: parameters with choices or ranges, and designs that fix them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, TypeAlias

from eie_backend.config import HardwareConfig
from eie_backend.recipe import Recipe, recipe_from_dict

Scalar: TypeAlias = int | float | str
ParameterPath: TypeAlias = tuple[str, ...]
"""Where a parameter is in the specification: ``("recipe", "density", "fc1")``."""


def label(path: ParameterPath) -> str:
    """Return a parameter's name: without ``hardware`` and ``recipe``, which it tells by itself."""
    return ".".join(path[1:] or path)


@dataclass(frozen=True)
class Choices:
    """Values to choose from, in the order of the specification."""

    values: tuple[Scalar, ...]


@dataclass(frozen=True)
class Range:
    """Numbers between two limits, both included; integers if both limits are integers."""

    low: float
    high: float
    log: bool = False

    @property
    def is_integer(self) -> bool:
        """Whether the range holds integers only."""
        return isinstance(self.low, int) and isinstance(self.high, int)


Space: TypeAlias = Mapping[ParameterPath, Choices | Range]


@dataclass(frozen=True, eq=False)
class Design:
    """A model, a machine and a recipe; designs are equal if all three are.

    Attributes
    ----------
    model : str
        Name of a model of the specification.
    hardware : HardwareConfig
        The machine.
    recipe : Recipe
        Compression settings of the model.
    """

    model: str
    hardware: HardwareConfig
    recipe: Recipe

    @cached_property
    def key(self) -> str:
        """The design as JSON, defaults included; equal for equal designs."""
        recipe = json.loads(self.recipe.to_json())
        whole = {"model": self.model, "hardware": self.hardware.to_dict(), "recipe": recipe}
        return json.dumps(whole, sort_keys=True)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Design) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    @cached_property
    def family(self) -> str:
        """The design without `TIMING_SIZES`, as JSON; a family's designs have the same accuracy."""
        whole = json.loads(self.key)
        for name in TIMING_SIZES:
            del whole["hardware"][name]
        return json.dumps(whole, sort_keys=True)

    @cached_property
    def compressed(self) -> str:
        """The part of the design that the compressed model depends on, as JSON."""
        pes = self.hardware.num_pe if self.recipe.counts_pes else None
        return json.dumps([self.model, self.recipe.to_json(), pes])


TIMING_SIZES = frozenset(HardwareConfig().to_dict()) - {
    "num_pe",
    "codebook_bits",
    "accumulator_bits",
}
"""Sizes of the machine that affect timing but no value: one PE computes a sum, in column order.

The number of PEs does not affect values either, but it changes the balance of a real network.
"""


def design_of(values: Mapping[ParameterPath, Scalar]) -> Design:
    """Return the design that the values of all parameters describe.

    Raises
    ------
    ConfigError, RecipeError
        If a size of the machine or a value of the recipe is impossible.
    """
    tree: dict[str, Any] = {"hardware": {}, "recipe": {}}
    for path, value in values.items():
        place = tree
        for name in path[:-1]:
            place = place.setdefault(name, {})
        place[path[-1]] = value
    hardware = HardwareConfig(**tree["hardware"])
    return Design(tree["model"], hardware, recipe_from_dict(tree["recipe"]))


def grid(space: Space) -> Iterator[dict[ParameterPath, Scalar]]:
    """Yield every combination of the choices, the last parameter varying fastest."""
    choices: list[Sequence[Scalar]] = []
    for alternatives in space.values():
        assert isinstance(alternatives, Choices)
        choices.append(alternatives.values)
    for values in itertools.product(*choices):
        yield dict(zip(space, values, strict=True))


def size(space: Space) -> int:
    """Return the number of combinations; a range counts as one."""
    return prod(len(of.values) for of in space.values() if isinstance(of, Choices))
