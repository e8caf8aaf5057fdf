"""The ``eie`` target: an LLVM host beside the accelerator, with the machine's sizes inside.

A `HardwareConfig` travels in the target's ``model`` attribute, as the fields that differ from the
defaults: ``num_pe=16,fifo_depth=4``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from tvm.target import Target

from eie_backend.config import HardwareConfig
from eie_backend.errors import ConfigError, ModelError
from eie_backend.machine.described import PRESETS, read_machine
from eie_backend.machine.tag import DESCRIPTION, TAG


def target(config: HardwareConfig | None = None) -> Target:
    """Return the TVM target of a machine.

    Parameters
    ----------
    config : HardwareConfig, optional
        The machine; the paper's 64-PE design if omitted.

    Examples
    --------
    >>> config_of(target(HardwareConfig(num_pe=16))).num_pe
    16
    """
    model = config_text(config or HardwareConfig())
    return Target({**DESCRIPTION, **({"model": model} if model else {})})


def config_text(config: HardwareConfig) -> str:
    """Return a machine as text: the sizes that differ from the paper's, ``num_pe=16,fifo_depth=4``.

    Examples
    --------
    >>> config_text(HardwareConfig(num_pe=16))
    'num_pe=16'
    """
    default = HardwareConfig().to_dict()
    changed = {k: v for k, v in config.to_dict().items() if v != default[k]}
    return ",".join(f"{name}={value}" for name, value in changed.items())


def machine_name(config: HardwareConfig) -> str:
    """Return what messages call a machine.

    Examples
    --------
    >>> machine_name(HardwareConfig(num_pe=16)), machine_name(HardwareConfig())
    ('num_pe=16', 'the default machine')
    """
    return config_text(config) or "the default machine"


Machine: TypeAlias = Target | HardwareConfig | Mapping[str, Any] | str | None
"""A machine: its target, its sizes, some of them by name, or a target as text; the paper's."""


def as_target(machine: Machine) -> Target:
    """Return the TVM target of a machine given in any form.

    Raises
    ------
    ModelError
        If it is another TVM target, or nothing that says a machine.
    ConfigError
        If sizes are unknown or impossible.
    """
    if machine is None or isinstance(machine, HardwareConfig):
        return target(machine)
    if isinstance(machine, Mapping):
        if "kind" not in machine:
            return target(HardwareConfig.of(machine))
        machine = Target(dict(machine))
    if not isinstance(machine, Target | str):
        raise ModelError(
            f"target: a {type(machine).__name__}; it must be a HardwareConfig, some of its fields "
            "by name, or 'eie'"
        )
    if isinstance(machine, str):
        if machine in PRESETS or machine.endswith((".yaml", ".yml")):
            return target(read_machine(machine))
        try:
            machine = Target(machine)
        except (ValueError, RuntimeError) as error:
            raise ModelError(
                f"target {machine!r}: no such machine; it must be 'eie', {', '.join(PRESETS)}, or "
                "the name of a YAML file"
            ) from error
    found = machine
    if not is_eie(found):
        raise ModelError(f"target {found} is not an eie target; use target='eie'")
    return found


def is_eie(candidate: Target | None) -> bool:
    """Return whether `candidate` is one of our targets."""
    return candidate is not None and TAG in candidate.keys


def config_of(candidate: Target) -> HardwareConfig:
    """Return the machine that a target describes.

    Raises
    ------
    ConfigError
        If the target's ``model`` is not a list of ``field=integer``, or names impossible sizes.
    """
    return config_from_text(str(candidate.attrs.get("model", "")), "target model")


def config_from_text(text: str, what: str = "machine") -> HardwareConfig:
    """Return the machine that `config_text` wrote; `what` names the text in messages.

    Raises
    ------
    ConfigError
        If it is not a list of ``field=integer``, or names impossible sizes.
    """
    known = HardwareConfig().to_dict()
    sizes = {}
    for item in filter(None, text.split(",")):
        name, _, value = item.partition("=")
        if name not in known or not re.fullmatch(r"-?[0-9]+", value):
            raise ConfigError(
                f"{what} {text!r}: {item!r} is not field=integer; fields are {', '.join(known)}"
            )
        sizes[name] = int(value)
    return HardwareConfig(**sizes)
