"""`Operation`: what a model binds, in order, with that of the functions that it calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tvm import IRModule, relax
from tvm.ir import GlobalVar, Op

from eie_backend.transform.guards.guard_operands import is_check
from eie_backend.transform.layers import bindings, is_host_function


class Operation(NamedTuple):
    """A binding of a model's `main`: its variable, its operator (or ""), and what it reads."""

    name: str
    operator: str
    reads: tuple[str, ...]


def operations(mod: IRModule) -> list[Operation]:
    """Return the bindings of `main`, in order; where it calls a function first, those of that.

    The call, and the function's parameters, are other names for what they stand for.
    """
    found, called = [], set[GlobalVar]()
    for binding in main_bindings(mod):
        value, reads = binding.value, variables(binding.value)
        function = called_function(mod, value)
        if function is not None:
            if value.op not in called:
                called.add(value.op)
                given = zip(function.params, value.args, strict=True)
                found += [Operation(param.name, "", variables(arg)) for param, arg in given]
                found += [_operation(mod, inner) for inner in _of(function)]
            reads = variables(function.body.body)
        found.append(Operation(binding.var.name, operator_of(mod, value), reads))
    return found


def _operation(mod: IRModule, binding: relax.VarBinding) -> Operation:
    value = binding.value
    return Operation(binding.var.name, operator_of(mod, value), variables(value))


def main_bindings(mod: IRModule) -> Iterator[relax.VarBinding]:
    """Yield the bindings of `main`, if there is one."""
    for gvar, function in mod.functions_items():
        if gvar.name_hint == "main":
            yield from _of(function)


def all_bindings(mod: IRModule) -> Iterator[relax.VarBinding]:
    """Yield the bindings of `main`, and those of each function of the network that it calls."""
    return (one for one, function in bindings(mod) if is_host_function(function))


def _of(function: relax.Function) -> Iterator[relax.VarBinding]:
    for block in function.body.blocks:
        yield from block.bindings


def called_function(mod: IRModule, value: relax.Expr) -> relax.Function | None:
    """Return the function of the network that a value calls."""
    called = getattr(value, "op", None)
    if isinstance(called, GlobalVar) and is_host_function(mod[called]):
        return mod[called]
    return None


def operator_of(mod: IRModule, value: relax.Expr) -> str:
    """Return the operator's name; "" if the binding computes nothing."""
    if isinstance(value, relax.If):
        return "if"
    if (
        not isinstance(value, relax.Call)
        or is_check(value)
        or called_function(mod, value) is not None
    ):
        return ""
    return value.op.name.removeprefix("relax.") if isinstance(value.op, Op) else "call"


def variables(value: relax.Expr) -> tuple[str, ...]:
    """Return the names of the variables that the value of a binding reads."""
    return tuple(var.name for var in relax.analysis.free_vars(value))
