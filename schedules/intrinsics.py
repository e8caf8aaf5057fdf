"""``T.eie.*``: the machine's instructions as TIR intrinsics, and the loops that they replace.

`register` makes the intrinsics known to TVM. Each of the four functions below returns the name of
a tensor intrinsic for one tile size; its docstring shows what `Schedule.tensorize` replaces.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

import tvm
from tvm.ir import Op
from tvm.s_tir import TensorIntrin
from tvm.script.ir_builder import IRBuilder
from tvm.tirx import PrimFunc, Var
from tvm.tirx.script import parser
from tvm.tirx.script.builder import ir as T

from eie_backend.machine.epilogue import Applied

INTRINSICS = ("load_bias", "clear", "mvm", "write_back")

OPAQUE = 3
"""Call effect of an intrinsic that reads and writes memory (CallEffectKind::kOpaque)."""

Buffers = dict[str, tuple[str, tuple[int, ...]]]
"""Access ("r", "w" or "rw") and shape of each buffer of an intrinsic, by name."""


@cache
def register() -> None:
    """Register the intrinsics; they print and parse as ``T.eie.NAME(...)``."""
    for name in INTRINSICS:
        full = f"tirx.eie.{name}"
        tvm.ir._ffi_api.RegisterOp(full, f"The eie instruction {name}")
        Op.get(full).set_attr("TCallEffectKind", OPAQUE)
        Op.get(full).set_attr("TScriptPrinterName", f"eie.{name}")
    parser.eie = SimpleNamespace(**{name: _caller(name) for name in INTRINSICS})


def _caller(name: str) -> Callable[..., Any]:
    return lambda *args: tvm.tirx.call_intrin("int32", f"tirx.eie.{name}", *args)


@cache
def load_bias(rows: int) -> str:
    """Return the intrinsic that starts an output block of `rows` values from its bias.

    Before -> after::

        acc[i] = b[i]  ->  T.eie.load_bias(acc, b, rows)
    """

    def store(buffers: Any, i: Any) -> None:
        T.buffer_store(buffers.acc, buffers.b[i], [i])

    return _intrinsic("load_bias", {"acc": ("w", (rows,)), "b": ("r", (rows,))}, (rows,), store)


@cache
def clear(rows: int) -> str:
    """Return the intrinsic that starts an output block of `rows` values from zero.

    Before -> after::

        acc[i] = T.float32(0)  ->  T.eie.clear(acc, rows)
    """

    def store(buffers: Any, i: Any) -> None:
        T.buffer_store(buffers.acc, T.float32(0), [i])

    return _intrinsic("clear", {"acc": ("w", (rows,))}, (rows,), store)


@cache
def mvm(rows: int, cols: int) -> str:
    """Return the intrinsic of a tile of `rows` outputs and `cols` inputs, of any stride.

    Before -> after::

        acc[i] = acc[i] + w[j, i] * x[j]  ->  T.eie.mvm(acc, w, x, rows, cols)
    """

    def store(buffers: Any, i: Any, j: Any) -> None:
        acc, w, x = buffers.acc, buffers.w, buffers.x
        T.buffer_store(acc, acc[i] + w[j, i] * x[j], [i])

    buffers: Buffers = {"acc": ("rw", (rows,)), "w": ("r", (cols, rows)), "x": ("r", (cols,))}
    return _intrinsic("mvm", buffers, (rows, cols), store)


@cache
def write_back(rows: int, ending: Applied) -> str:
    """Return the intrinsic that ends an output block of `rows` values.

    Before -> after, without epilogue, with ReLU, and with a bound of 6::

        y[i] = acc[i]                       ->  T.eie.write_back(y, acc, rows, 0, T.float32(0))
        y[i] = T.max(acc[i], T.float32(0))  ->  T.eie.write_back(y, acc, rows, 1, T.float32(0))
        y[i] = T.min(T.max(acc[i], ...), 6) ->  T.eie.write_back(y, acc, rows, 2, T.float32(6))
    """

    def store(buffers: Any, i: Any) -> None:
        value = ending.epilogue.tir(T, buffers.acc[i], ending.parameter)
        T.buffer_store(buffers.y, value, [i])

    buffers: Buffers = {"y": ("w", (rows,)), "acc": ("r", (rows,))}
    parameter = T.float32(ending.parameter)
    return _intrinsic("write_back", buffers, (rows,), store, ending.epilogue.number, parameter)


def _intrinsic(
    name: str, buffers: Buffers, extents: tuple[int, ...], store: Callable[..., None], *flags: Any
) -> str:
    """Register an intrinsic that replaces `store` over `extents`, the second one a reduction."""
    register()

    def pattern(bound: Any) -> None:
        # Axes of extent 1 are not bound: tensorize removes them before it compares.
        with T.grid(*extents) as opened, T.sblock("pattern"):
            loops = opened if len(extents) > 1 else [opened]
            axes = (T.axis.spatial, T.axis.reduce)
            indices = [
                axis(extent, loop) if extent > 1 else 0
                for axis, extent, loop in zip(axes, extents, loops, strict=False)
            ]
            store(bound, *indices)

    def call(bound: Any) -> None:
        pointers = [getattr(bound, n).access_ptr(access) for n, (access, _) in buffers.items()]
        T.evaluate(_caller(name)(*pointers, *extents, *flags))

    full = ".".join(["eie", name, *map(str, (*extents, *flags))])
    TensorIntrin.register(full, _func(buffers, pattern), _func(buffers, call))
    return full


def _func(buffers: Buffers, body: Callable[[Any], None]) -> PrimFunc:
    """Build a function over slices of larger buffers."""
    with IRBuilder() as builder:
        with T.prim_func(s_tir=True):
            T.func_name("main")
            bound = {name: T.arg(name, _slice(shape)) for name, (_, shape) in buffers.items()}
            with T.sblock("root"):
                for mode, declare in (("r", T.reads), ("w", T.writes)):
                    used = [bound[name] for name, (access, _) in buffers.items() if mode in access]
                    declare(*(buffer[tuple(slice(0, d) for d in buffer.shape)] for buffer in used))
                body(SimpleNamespace(**bound))
    return builder.get()


def _slice(shape: tuple[int, ...]) -> Any:
    strides = [Var("stride", "int32"), 1] if len(shape) > 1 else None
    return T.buffer(shape, "float32", strides=strides, offset_factor=1)
