"""`read_space`: read the machine or recipe parameters of a sweep's specification."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from eie_backend.config import HardwareConfig
from eie_backend.errors import ConfigError, EieError, RecipeError
from eie_backend.recipe import Recipe, recipe_from_dict
from eie_backend.sweep.space import Choices, ParameterPath, Range, Scalar, Space


def read_space(part: str, given: Any, faults: list[str]) -> Space:
    """Return the choices and ranges of the parameters, and add errors to `faults`.

    Parameters
    ----------
    part : {"hardware", "recipe"}
    given : object
        Values by name; a list holds alternatives, ``{low: 1, high: 9}`` is a range.
    """
    if not isinstance(given, Mapping):
        faults.append(f"{part}: a {type(given).__name__}; give values by name")
        return {}
    check = _check_hardware if part == "hardware" else _check_recipe
    space: dict[ParameterPath, Choices | Range] = {}
    for path, value in _leaves((part,), given):
        name = ".".join(path)
        found = _alternatives(value)
        if isinstance(found, str):
            faults.append(f"{name}: {found}")
            continue
        space[path] = found
        for one in (found.low, found.high) if isinstance(found, Range) else found.values:
            try:
                check(path, one)
            except EieError as error:
                faults.append(f"{name}: {error}")
    return space


def _leaves(path: ParameterPath, value: Any) -> Iterator[tuple[ParameterPath, Any]]:
    """Yield the parameters below a place of the document."""
    if isinstance(value, Mapping) and not _is_range(value):
        for name, below in value.items():
            yield from _leaves((*path, str(name)), below)
    else:
        yield path, value


def _is_range(value: Mapping[Any, Any]) -> bool:
    return {"low", "high"} <= set(value) <= {"low", "high", "log"}


def _alternatives(value: Any) -> Choices | Range | str:
    """Return the alternatives of a parameter, or the fault in them."""
    if isinstance(value, Mapping):
        low, high, log = value["low"], value["high"], value.get("log", False)
        if not (_is_number(low) and _is_number(high) and low < high and isinstance(log, bool)):
            return f"{value!r} is no range; give numbers low < high, and perhaps log: true"
        if log and low <= 0:
            return f"low = {low} on a logarithmic scale; give more than 0"
        return Range(low, high, log)
    values = value if isinstance(value, list) else [value]
    if not values or not all(_is_number(one) or isinstance(one, str) for one in values):
        return f"{value!r} is no list of numbers or words"
    if len(set(values)) < len(values):
        return f"{value!r} has a value twice"
    return Choices(tuple(values))


def _check_hardware(path: ParameterPath, value: Scalar) -> None:
    name = ".".join(path[1:])
    if name not in {field.name for field in fields(HardwareConfig)}:
        known = ", ".join(field.name for field in fields(HardwareConfig))
        raise ConfigError(f"no size of the machine; take one of {known}")
    HardwareConfig(**{name: value})  # type: ignore[arg-type]


def _check_recipe(path: ParameterPath, value: Scalar) -> None:
    settings: Any = value
    for name in reversed(path[1:]):
        settings = {name: settings}
    if path[1] not in {field.name for field in fields(Recipe)}:
        known = ", ".join(field.name for field in fields(Recipe))
        raise RecipeError(f"no field of a recipe; take one of {known}")
    recipe_from_dict(settings)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
