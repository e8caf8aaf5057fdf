"""The one pipeline: from any Relax module to the machine's images, form by form.

`PHASES` is the table of the forms below the first; `compile`, ``--emit``, ``tvm.compile`` and
``relay.build`` are this table, stopped at a row.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tvm
from tvm import IRModule
from tvm.ir.transform import PassContext
from tvm.target import Target

from eie_backend.codegen.external import machine_code
from eie_backend.codegen.generate import eie_functions, generate_programs
from eie_backend.compiler.compressed import Settings, compressed
from eie_backend.compiler.model_record import graph_json
from eie_backend.config import HardwareConfig
from eie_backend.errors import ModelError
from eie_backend.isa.image import encode_image
from eie_backend.isa.program import Program
from eie_backend.lower.lower_to_tir import LowerToTIR
from eie_backend.lower.schedule import ScheduleKernels
from eie_backend.machine.choices import STAGE, Stage
from eie_backend.machine.target import config_of, machine_name
from eie_backend.schedules.schedule import KernelSchedule
from eie_backend.transform.attributes import attributes, with_attributes
from eie_backend.transform.empty_constants import EmptyConstants
from eie_backend.transform.inputs import input_specs
from eie_backend.transform.partition import Partition


def partitioned(mod: IRModule) -> IRModule:
    """Return form 3 of form 2: the machine's layers are in functions of their own."""
    config = attributes(mod).machine
    assert config is not None
    found = EmptyConstants()(Partition(config)(mod))
    graph = graph_json(attributes(mod).operations, mod, found, config)
    return with_attributes(found, graph=graph, interface=interface(mod))


def tir(mod: IRModule, schedule: KernelSchedule | None) -> IRModule:
    """Return form 4 of form 3: the functions call scheduled kernels with ``T.eie`` intrinsics."""
    noted = attributes(mod)
    assert noted.machine is not None
    passes = [LowerToTIR(), ScheduleKernels(noted.machine, noted.bias, schedule)]
    lowered: IRModule = tvm.transform.Sequential(passes)(mod)
    return lowered


def images(programs: list[Program]) -> list[bytes]:
    """Return form 6 of form 5: one image of all programs, as the machine loads it, or none."""
    return [encode_image(*programs)] if programs else []


@dataclass(frozen=True)
class Phase:
    """A row of the table: a form, and the function that makes it of the form before it.

    `STAGE.meanings` has a sentence for each form.
    """

    stage: Stage
    make: Callable[..., Any]


PHASES = (
    Phase("compressed", compressed),
    Phase("partitioned", partitioned),
    Phase("tir", tir),
    Phase("eie", generate_programs),
    Phase("image", images),
)
"""The first takes `Settings` beside the module; from then on all that is needed travels on it, but
for a schedule, which is a function."""


def run(
    form: Any,
    since: Stage,
    to: Stage,
    settings: Settings | None = None,
    schedule: KernelSchedule | None = None,
) -> Any:
    """Take a form of a network further down the table.

    Parameters
    ----------
    form : IRModule or list of Program
        The form `since`.
    since, to : str
        Stages; what is there already stays as it is.
    settings : Settings, optional
        For the first phase, and for no other.
    schedule : callable, optional
        For "tir", in place of the compiler's own; see `compile`.
    """
    beside: dict[Stage, tuple[Any, ...]] = {"compressed": (settings,), "tir": (schedule,)}
    for phase in PHASES[STAGE.number(since) : STAGE.number(to)]:
        form = phase.make(form, *beside.get(phase.stage, ()))
    return form


def check_machine(mod: IRModule, config: HardwareConfig) -> None:
    """Refuse to build a module for another machine than it was prepared for.

    Raises
    ------
    ModelError
        Naming both machines.
    """
    prepared_for = attributes(mod).machine
    if prepared_for not in (None, config):
        assert prepared_for is not None
        raise ModelError(
            f"prepared for {machine_name(prepared_for)}, built for {machine_name(config)}; compile "
            "for the same machine, or prepare again"
        )


def eie_pipeline(target: Target, schedule: KernelSchedule | None = None) -> Any:
    """Return the pass of an eie target: up to runtime modules for the machine's functions.

    Raises
    ------
    ModelError
        If `schedule` is no function.
    """
    if schedule is not None and not callable(schedule):
        raise ModelError(
            f"schedule is a {type(schedule).__name__}; give a function of a kernel and a layer"
        )

    @tvm.transform.module_pass(opt_level=0, name="eie.pipeline")
    def pipeline(mod: IRModule, _context: PassContext) -> IRModule:
        config = config_of(target)
        check_machine(mod, config)
        if eie_functions(mod):  # partitioned by hand
            return machine_code(mod, schedule)
        return machine_code(run(mod, "relax", "partitioned", Settings(config)), schedule)

    return pipeline


def interface(mod: IRModule) -> str:
    """Return name, shape and dtype of the inputs of a module's `main` as JSON; "[]" without one."""
    has_main = "main" in [gvar.name_hint for gvar in mod.get_global_vars()]
    return json.dumps(input_specs(mod) if has_main else [])
