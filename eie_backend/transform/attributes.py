"""`ModuleAttributes`: all that travels on a module from one pass to the next.

A field is the module attribute ``eie.FIELD``, so the text of a module carries it, too. Nobody else
reads or writes these attributes by name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from tvm import IRModule, relax

from eie_backend.config import HardwareConfig
from eie_backend.errors import ModelError, first_line
from eie_backend.machine.choices import (
    ARITHMETIC,
    BIAS,
    WINOGRAD,
    Arithmetic,
    BiasMode,
    WinogradMode,
)
from eie_backend.machine.formats import LayerRange
from eie_backend.machine.target import config_from_text, config_text

PREFIX = "eie."

LAYER = "eie.layer"
"""Attribute of a composite or kernel: its layer."""

CODEGEN_FIELDS = ("machine", "arithmetic", "bias", "calibration")
"""Fields that `Partition` copies to each function: TVM may pass code generation no others."""


@dataclass(frozen=True)
class Origin:
    """What a matmul was in the model: the name of the convolution, and its groups."""

    name: str
    groups: int


@dataclass(frozen=True)
class ModuleAttributes:
    """What a module remembers, and what it asks of the passes to come.

    Attributes
    ----------
    machine : HardwareConfig or None
        The machine that it was prepared for; None as long as no machine matters.
    arithmetic : {"int16", "float32", "int8", "int32"}
        How the machine computes.
    bias : {"register", "column"}
        Where biases are added.
    winograd : {"auto", "always", "never"}
        Which 3x3 convolutions run by Winograd's algorithm.
    convolutions : mapping of str to Origin
        What the layers that were convolutions were, by layer.
    calibration : mapping of str to LayerRange
        Largest magnitudes around the layers, by layer.
    formats : str
        What the magnitudes come from: "samples", or "synthetic" inputs; empty without any.
    source : str
        JSON: path and bindings of the file that was imported, so that it can be imported again.
    aliases : mapping of str to tuple of str
        What else layers and convolutions are called in their source, by the name that they have.
    renamed : tuple of str
        Those that are not called after their ONNX nodes: libraries remember their other names.
    as_is : tuple of str
        Layers whose weights fitted the machine's codebook before anything was done to them.
    model_sha256 : str
        Of the model that was imported, as hex.
    verified : str
        What of the import was compared with the source, as a sentence.
    recipe, balance, operations, weights, graph, interface : str
        JSON for reports: how it was compressed; the orders of rows; the model's operations, its
        weights before and after, where each operation runs; and the inputs of `main`. Empty where
        nothing is known.
    on_host : tuple of str
        Layers that a recipe keeps on the host, as they are called in the model.
    schedule : str
        The schedule of the kernels, if it is not the compiler's own.
    orders : str
        JSON: the order of the outputs of each layer that is not in the model's; empty without any.
    """

    machine: HardwareConfig | None = None
    arithmetic: Arithmetic = "int16"
    bias: BiasMode = "register"
    winograd: WinogradMode = "auto"
    convolutions: Mapping[str, Origin] = field(default_factory=dict)
    calibration: Mapping[str, LayerRange] = field(default_factory=dict)
    formats: str = ""
    source: str = ""
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    renamed: tuple[str, ...] = ()
    as_is: tuple[str, ...] = ()
    model_sha256: str = ""
    verified: str = ""
    recipe: str = ""
    balance: str = ""
    operations: str = ""
    weights: str = ""
    graph: str = ""
    interface: str = ""
    on_host: tuple[str, ...] = ()
    schedule: str = ""
    orders: str = ""


def _names(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        raise TypeError("a list of names is expected")
    return tuple(map(str, value))


_READ: Mapping[str, Callable[[Any], Any]] = {
    "machine": lambda text: config_from_text(str(text)),
    "arithmetic": lambda value: ARITHMETIC.checked(str(value), ModelError),
    "bias": lambda value: BIAS.checked(str(value), ModelError),
    "winograd": lambda value: WINOGRAD.checked(str(value), ModelError),
    "convolutions": lambda found: {
        str(layer): Origin(str(origin["name"]), int(origin["groups"]))
        for layer, origin in found.items()
    },
    "calibration": lambda found: {
        str(layer): LayerRange(**{str(name): float(value) for name, value in ranges.items()})
        for layer, ranges in found.items()
    },
    "aliases": lambda text: {layer: tuple(names) for layer, names in json.loads(str(text)).items()},
    "renamed": _names,
    "as_is": _names,
    "on_host": _names,
}
_WRITE: Mapping[str, Callable[[Any], Any]] = {
    "machine": config_text,
    "convolutions": lambda found: {layer: asdict(origin) for layer, origin in found.items()},
    "calibration": lambda found: {layer: asdict(ranges) for layer, ranges in found.items()},
    # TVM's text would not give names back that are not ASCII.
    "aliases": lambda found: json.dumps({layer: list(names) for layer, names in found.items()}),
    "renamed": list,
    "as_is": list,
    "on_host": list,
}
"""How a field becomes TVM's own data and back; the others are text."""


def attributes(mod: IRModule) -> ModuleAttributes:
    """Return what travels on a module.

    Raises
    ------
    ModelError
        If an attribute ``eie.*`` is unknown or has an impossible value.
    ConfigError
        If its machine is impossible.
    """
    return from_options(options(mod))


def options(noting: IRModule | relax.Function) -> dict[str, Any]:
    """Return the attributes of a module or function by field, as TVM's own data."""
    found = noting.attrs.items() if noting.attrs else ()
    named = {str(name): value for name, value in found}
    return {n.removeprefix(PREFIX): v for n, v in named.items() if n.startswith(PREFIX)}


def from_options(given: Mapping[str, Any]) -> ModuleAttributes:
    """Return the attributes that `options` returned, or a part of them."""
    known = [spec.name for spec in fields(ModuleAttributes)]
    if unknown := [name for name in given if name not in known]:
        raise ModelError(
            f"module attribute {PREFIX}{unknown[0]} is unknown; known are "
            f"{', '.join(PREFIX + name for name in known)}"
        )
    return ModuleAttributes(**{name: _read(name, value) for name, value in given.items()})


def _read(name: str, value: Any) -> Any:
    try:
        return _READ.get(name, str)(value)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"module attribute {PREFIX}{name}: {str(value)[:40]!r} is no such value: "
            f"{first_line(error)}; remove it"
        ) from error


def with_attributes(mod: IRModule, **changed: Any) -> IRModule:
    """Return the module with some fields of its attributes changed."""
    replace(ModuleAttributes(), **changed)  # a name that is no field is a fault of ours
    written = {f"{PREFIX}{name}": _WRITE.get(name, str)(value) for name, value in changed.items()}
    return mod.with_attrs(written) if written else mod


def with_fields(mod: IRModule, noted: ModuleAttributes, **changed: Any) -> IRModule:
    """Return the module with all of these attributes that say something, some of them changed."""
    said = {
        spec.name: value
        for spec in fields(ModuleAttributes)
        if (value := getattr(noted, spec.name)) != getattr(ModuleAttributes(), spec.name)
    }
    return with_attributes(mod, **{**said, **changed})


def without_attributes(mod: IRModule, *names: str) -> IRModule:
    """Return the module without some fields of its attributes."""
    for name in names:
        mod = mod.without_attr(f"{PREFIX}{name}")
    return mod
