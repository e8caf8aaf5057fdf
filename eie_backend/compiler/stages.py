"""The six forms of a network, for ``eie compile --emit`` and for curious readers."""

from __future__ import annotations

from collections.abc import Callable

import tvm
from tvm import IRModule
from tvm.ir import GlobalVar
from tvm.target import Target

from eie_backend.codegen.external import codegen_options, generate_programs
from eie_backend.compiler.pipeline import codegen_attributes, interface, record
from eie_backend.config import HardwareConfig
from eie_backend.isa.assembly import print_program, to_dialect
from eie_backend.isa.image import encode_image
from eie_backend.isa.program import Program
from eie_backend.lower.lower_to_tir import LowerToTIR, is_eie_function
from eie_backend.lower.schedule import ScheduleKernels
from eie_backend.machine.target import config_of
from eie_backend.transform.partition import Partition


def partitioned(prepared: IRModule, target: Target) -> IRModule:
    """Return form 3: the machine's layers in ``eie`` functions."""
    mod: IRModule = Partition(config_of(target))(prepared)
    return mod


def tir(prepared: IRModule, target: Target) -> IRModule:
    """Return form 4: scheduled kernels with ``T.eie`` intrinsics."""
    options = codegen_options(config_of(target), codegen_attributes(prepared))
    passes = [LowerToTIR(), ScheduleKernels(options.config, options.bias)]
    mod: IRModule = tvm.transform.Sequential(passes)(partitioned(prepared, target))
    return mod


def eie_programs(prepared: IRModule, target: Target) -> list[Program]:
    """Return form 5 as data: a program for each of the machine's functions."""
    config: HardwareConfig = config_of(target)
    mod = partitioned(prepared, target)
    attributes = {**codegen_attributes(prepared), "interface": interface(prepared)}
    attributes |= record(prepared, prepared, mod, config)
    options = codegen_options(config, attributes)
    functions = {gvar.name_hint: mod[gvar] for gvar in _called(mod) if is_eie_function(mod[gvar])}
    return generate_programs(functions, options)


def _called(mod: IRModule) -> list[GlobalVar]:
    """Return the functions that `main` calls, in order, once each."""
    called = []
    for block in mod["main"].body.blocks:
        for binding in block.bindings:
            operator = getattr(binding.value, "op", None)
            if isinstance(operator, GlobalVar) and operator not in called:
                called.append(operator)
    return called


def emit(
    stage: str,
    original: IRModule,
    prepared: Callable[[], IRModule],
    target: Target,
    *,
    complete: bool = True,
) -> list[str | bytes]:
    """Return one form of a network; several parts if the machine runs several functions.

    Parameters
    ----------
    stage : str
        One of `STAGES`.
    original : IRModule
        The imported module.
    prepared : callable
        Returns the compressed and calibrated module; called only for later stages.
    target : Target
        An eie target.
    complete : bool
        Include all constants, so that the text can be parsed back; else elide the large ones.
    """
    if stage == "relax":
        return [_script(original, complete)]
    mod = prepared()
    if stage == "compressed":
        return [_script(mod, complete)]
    if stage == "partitioned":
        return [_script(partitioned(mod, target), complete)]
    if stage == "tir":
        return [_script(tir(mod, target), complete)]
    programs = eie_programs(mod, target)
    if stage == "eie":
        return [print_program(to_dialect(program), elide=not complete) for program in programs]
    return [encode_image(program) for program in programs]


def _script(mod: IRModule, complete: bool) -> str:
    """Return a module as text, to read without what only reports need."""
    for name in () if complete else ("operations", "weights"):
        mod = mod.without_attr(f"eie.{name}")
    text: str = mod.script(show_meta=complete)
    return text
