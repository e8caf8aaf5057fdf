"""Find the machine's epilogues: which one a Relax call is or why it is none, and a kernel's own."""

from __future__ import annotations

from collections.abc import Iterator

from tvm import IRModule, relax
from tvm.ir import Op
from tvm.tirx import PrimFunc

from eie_backend.epilogues import BY_NAME, NONE, epilogues_of
from eie_backend.machine.epilogue import Applied
from eie_backend.transform.layers import LayerUse, bias_of

EPILOGUE, PARAMETER = "eie.epilogue", "eie.parameter"
"""Attributes of a kernel: its epilogue's name, and the parameter, a real number."""


def with_epilogue(kernel: PrimFunc, ending: Applied) -> PrimFunc:
    """Return a kernel that notes its epilogue."""
    return kernel.with_attrs({EPILOGUE: ending.epilogue.name, PARAMETER: ending.parameter})


def kernel_epilogue(kernel: PrimFunc) -> Applied:
    """Return the epilogue that a kernel notes."""
    return Applied(BY_NAME[str(kernel.attrs[EPILOGUE])], float(kernel.attrs[PARAMETER]))


def applied(value: relax.Expr) -> Applied | None:
    """Return the epilogue that a canonical call is, with its parameter; None for all else."""
    found = _read(value)
    return None if isinstance(found, str) else found


def why_host(value: relax.Expr) -> str | None:
    """Return why the machine cannot run a call of an epilogue's operator; None for all else."""
    found = _read(value)
    return found if isinstance(found, str) else None


def epilogue_of(use: LayerUse) -> Applied:
    """Return the epilogue that follows one use of a layer and its bias, or `NONE`."""
    _, total = bias_of(use)
    for binding in (b for block in use.function.body.blocks for b in block.bindings):
        found = applied(binding.value)
        if found is not None and binding.value.args[0].same_as(total):
            return found
    return NONE


def epilogue_reasons(mod: IRModule) -> Iterator[tuple[str, str]]:
    """Yield the variable of each call that the machine cannot run for its arguments, and why."""
    for _, function in mod.functions_items():
        if isinstance(function, relax.Function):
            for binding in (b for block in function.body.blocks for b in block.bindings):
                if (why := why_host(binding.value)) is not None:
                    yield binding.var.name, why


def _read(value: relax.Expr) -> Applied | str | None:
    if not (isinstance(value, relax.Call) and isinstance(value.op, Op)):
        return None
    refusals = []
    for epilogue in epilogues_of(value.op.name):
        parameter = epilogue.read(value)
        if not isinstance(parameter, str):
            return Applied(epilogue, parameter)
        refusals.append(parameter)
    return "; ".join(refusals) or None
