"""``relax.ext.eie``: partitioned functions to one runtime module, by the pipeline's last rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tvm import IRModule, relax
from tvm.target import Target

from eie_backend.codegen.external import HANDED, Handed
from eie_backend.compiler.pipeline import run
from eie_backend.config import HardwareConfig
from eie_backend.errors import ModelError
from eie_backend.machine.target import config_of, is_eie, machine_name
from eie_backend.runtime import runtime
from eie_backend.transform.attributes import (
    CODEGEN_FIELDS,
    ModuleAttributes,
    from_options,
    options,
    with_fields,
)


def external_modules(functions: Sequence[relax.Function], given: Mapping[str, Any]) -> list[Any]:
    """Return one runtime module of kind ``eie``, which has all the functions.

    Parameters
    ----------
    functions : sequence of relax.Function
        Partitioned functions with a global symbol; they note what code generation needs to know.
    given : mapping
        Fields of `ModuleAttributes`, as `options` returns them, and what `machine_code` hands over
        beside; nothing for a module that was partitioned by hand.

    Raises
    ------
    ModelError
        If the functions, the options and the current target do not agree on one machine.
    """
    handed = given.get(HANDED, Handed(None))
    given = {name: value for name, value in given.items() if name != HANDED}
    symbols = [str(function.attrs["global_symbol"]) for function in functions]
    fields = [options(function) for function in functions]
    noted = from_options({**fields[0], **given})
    notes = dict(zip(symbols, map(from_options, fields), strict=True))
    machines = {symbol: found.machine for symbol, found in notes.items()}
    if "machine" in given:
        machines["the module"] = noted.machine
    check_machines(machines)
    check_alike({**notes, "the module": noted})
    mod = with_fields(IRModule(dict(zip(symbols, functions, strict=True))), noted)
    images = run(mod, "partitioned", "image", schedule=handed.schedule)
    return [runtime().load_image(image) for image in images]


def check_alike(notes: Mapping[str, ModuleAttributes]) -> None:
    """Raise `ModelError` unless the functions and their module note the same."""
    first, *others = notes.values()
    differing = [
        name
        for name in CODEGEN_FIELDS
        if any(getattr(found, name) != getattr(first, name) for found in others)
    ]
    if differing:
        raise ModelError(
            f"{', '.join(notes)}: they note different {', '.join(differing)}; use functions of one "
            "partitioned module"
        )


def check_machines(machines: Mapping[str, HardwareConfig | None]) -> None:
    """Raise `ModelError` unless all these, and the current target, are for the same machine."""
    if silent := [who for who, machine in machines.items() if machine is None]:
        raise ModelError(
            f"{', '.join(silent)}: the machine of the partition is not noted; use "
            "eie_backend.transform.partition.Partition(config)"
        )
    named = {who: machine for who, machine in machines.items() if machine is not None}
    target = Target.current(allow_none=True)
    if is_eie(target):
        named["the target"] = config_of(target)
    if len(set(named.values())) > 1:
        said = ", ".join(f"{who} for {machine_name(machine)}" for who, machine in named.items())
        raise ModelError(
            f"made for different machines: {said}; compile for the machine of the partition, or "
            "partition again"
        )
