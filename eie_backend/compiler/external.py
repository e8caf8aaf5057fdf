"""``relax.ext.eie``: partitioned functions to runtime modules, by the last rows of the pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tvm import IRModule, relax
from tvm.target import Target

from eie_backend.codegen.generate import eie_functions
from eie_backend.compiler.pipeline import run
from eie_backend.errors import ModelError
from eie_backend.machine.target import config_of, config_text, is_eie
from eie_backend.runtime import runtime
from eie_backend.transform.attributes import (
    CODEGEN_FIELDS,
    ModuleAttributes,
    from_options,
    options,
    with_fields,
)


def external_modules(functions: Sequence[relax.Function], given: Mapping[str, Any]) -> list[Any]:
    """Return one runtime module of kind ``eie`` per function.

    Parameters
    ----------
    functions : sequence of relax.Function
        Partitioned functions with a global symbol; they note what code generation needs to know.
    given : mapping
        Fields of `ModuleAttributes`, as `options` returns them; none of a module that was
        partitioned by hand.

    Raises
    ------
    ModelError
        If the functions, the options and the current target do not agree on one machine.
    """
    symbols = [str(function.attrs["global_symbol"]) for function in functions]
    fields = dict(zip(symbols, map(_fields, functions), strict=True))
    noted = from_options({**fields[symbols[0]], **given})
    check_machines({symbol: from_options(found) for symbol, found in fields.items()}, noted)
    mod = with_fields(IRModule(dict(zip(symbols, functions, strict=True))), noted)
    images = dict(zip(eie_functions(mod), run(mod, "partitioned", "image"), strict=True))
    return [runtime().load_image(images[symbol]) for symbol in symbols]


def _fields(function: relax.Function) -> dict[str, Any]:
    return {name: value for name, value in options(function).items() if name in CODEGEN_FIELDS}


def check_machines(functions: Mapping[str, ModuleAttributes], noted: ModuleAttributes) -> None:
    """Raise `ModelError` unless functions, module and current target name the same machine."""
    if silent := [symbol for symbol, found in functions.items() if found.machine is None]:
        raise ModelError(
            f"{', '.join(silent)}: not said for which machine it was partitioned; partition with "
            "eie_backend.transform.partition.Partition(config)"
        )
    machines = {symbol: found.machine for symbol, found in functions.items()}
    machines["the module"] = noted.machine
    target = Target.current(allow_none=True)
    if is_eie(target):
        machines["the target"] = config_of(target)
    if len(set(machines.values())) > 1:
        said = ", ".join(
            f"{who} for {config_text(machine) or 'the default machine'}"
            for who, machine in machines.items()
            if machine is not None
        )
        raise ModelError(f"made for different machines: {said}; build for the one of the partition")
