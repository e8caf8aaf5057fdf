"""`machine_code`: TVM's external code generator replaces the machine's functions."""

from __future__ import annotations

from dataclasses import dataclass

from tvm import IRModule, relax

from eie_backend.schedules.schedule import KernelSchedule
from eie_backend.transform.attributes import options
from eie_backend.transform.layers import is_host_function
from eie_backend.transform.partition import CODEGEN

HANDED = "handed"
"""Option of the code generator that is no attribute of the module."""


@dataclass(frozen=True)
class Handed:
    """What the code generator is handed as an object; TVM would wrap a bare function."""

    schedule: KernelSchedule | None


def machine_code(partitioned: IRModule, schedule: KernelSchedule | None = None) -> IRModule:
    """Return a partitioned module with runtime modules of kind ``eie`` for its functions.

    ``relax.ext.eie`` makes their images. It receives only the functions, so the module's
    attributes, and the schedule that is not the compiler's own, are passed as options of the code
    generator.
    """
    given = {**options(partitioned), HANDED: Handed(schedule)}
    callers = [
        gvar.name_hint
        for gvar, function in partitioned.functions_items()
        if is_host_function(function)
    ]
    built = relax.transform.RunCodegen({CODEGEN: given}, callers)(partitioned)
    # The images contain the weights; TVM would also put these constants into the library.
    return built.without_attr("const_name_to_constant")
