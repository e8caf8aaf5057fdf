"""`emit`: the six forms of a network on its way through the compiler (``eie compile --emit``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tvm import IRModule
from tvm.target import Target

from eie_backend.compiler.pipeline import check_machine, run
from eie_backend.errors import ModelError
from eie_backend.isa.assembly import print_program, to_dialect
from eie_backend.isa.program import Program
from eie_backend.machine.choices import STAGE, Stage
from eie_backend.machine.target import config_of
from eie_backend.schedules.schedule import KernelSchedule
from eie_backend.transform.attributes import with_attributes, without_attributes

FOR_REPORTS = ("aliases", "graph", "interface", "operations", "renamed", "source", "weights")
"""Attributes of other names and those that only reports use; `emit` leaves them out."""


def partitioned(prepared: IRModule, target: Target) -> IRModule:
    """Return form 3: the machine's layers in ``eie`` functions."""
    return _form("partitioned", prepared, target)


def tir(prepared: IRModule, target: Target, schedule: KernelSchedule | None = None) -> IRModule:
    """Return form 4: kernels with ``T.eie`` intrinsics, by a schedule as for `compile`."""
    return _form("tir", prepared, target, schedule)


def eie_programs(prepared: IRModule, target: Target) -> list[Program]:
    """Return form 5 as objects: one program for each ``eie`` function."""
    programs: list[Program] = _form("eie", prepared, target)
    return programs


def _form(
    stage: Stage, prepared: IRModule, target: Target, schedule: KernelSchedule | None = None
) -> Any:
    """Return a form of a prepared module, on the machine of `target`."""
    config = config_of(target)
    check_machine(prepared, config)
    return run(with_attributes(prepared, machine=config), "compressed", stage, schedule=schedule)


def emit(
    stage: str,
    original: IRModule,
    prepared: Callable[[], IRModule],
    target: Target,
    *,
    complete: bool = True,
) -> list[str | bytes]:
    """Return one form of a network, in several parts if it has several ``eie`` functions.

    Parameters
    ----------
    stage : str
        One of `STAGE`.
    original : IRModule
        The imported module.
    prepared : callable
        Returns the compressed and calibrated module; called only for later stages.
    target : Target
        An eie target.
    complete : bool
        Include all constants, so that the text can be parsed back; otherwise elide large constants.

    Raises
    ------
    ModelError
        If there is no such stage.
    """
    wanted = STAGE.checked(stage, ModelError)
    form = original if wanted == "relax" else prepared()
    if STAGE.number(wanted) > STAGE.number("compressed"):
        form = _form(wanted, form, target)
    if isinstance(form, IRModule):
        return [_script(form, complete)]
    if wanted == "eie":
        return [print_program(to_dialect(program), elide=not complete) for program in form]
    return list(form)


def _script(mod: IRModule, complete: bool) -> str:
    """Return a module as text, without the attributes that only reports use."""
    text: str = (mod if complete else without_attributes(mod, *FOR_REPORTS)).script(
        show_meta=complete
    )
    return text
