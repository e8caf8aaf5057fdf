"""The loop nest of one dense layer, whole or cut into tiles, as plain TIR.

`dense_kernel` without tiles is the unscheduled kernel; `schedules.tile` rebuilds it with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tvm.script.ir_builder import IRBuilder
from tvm.tirx import Buffer, PrimFunc
from tvm.tirx.script.builder import ir as T

from eie_backend.epilogues import NONE
from eie_backend.machine.epilogue import Applied

Span = tuple[int, int]
"""Half-open range of outputs or inputs."""

Tiles = Sequence[tuple[Span, Sequence[Span]]]
"""Output blocks in order, each with its input blocks (over which it is summed) in order."""


@dataclass(frozen=True)
class DenseShape:
    """Sizes and epilogue of a kernel that computes ``y = f(x @ w + b)`` for `batch` samples."""

    batch: int
    outputs: int
    inputs: int
    has_bias: bool
    epilogue: Applied = NONE


def dense_kernel(
    name: str,
    shape: DenseShape,
    tiles: Tiles | None = None,
) -> PrimFunc:
    """Build the kernel of a dense layer.

    Parameters
    ----------
    name : str
        Global symbol.
    shape : DenseShape
        Sizes and epilogue.
    tiles : Tiles, optional
        The layer's tiling; one tile if omitted. The destination registers ``acc`` hold one output
        block while it is summed over its input blocks.

    Returns
    -------
    PrimFunc
        ``(x (batch, inputs), w (inputs, outputs)[, b (outputs,)], y (batch, outputs))``, float32.
    """
    tiles = tiles or [((0, shape.outputs), [(0, shape.inputs)])]
    with IRBuilder() as builder:
        with T.prim_func(s_tir=True):
            T.func_name(name)
            T.func_attr({"tirx.noalias": True})
            x = T.arg("x", T.buffer((shape.batch, shape.inputs), "float32"))
            w = T.arg("w", T.buffer((shape.inputs, shape.outputs), "float32"))
            b = T.arg("b", T.buffer((shape.outputs,), "float32")) if shape.has_bias else None
            y = T.arg("y", T.buffer((shape.batch, shape.outputs), "float32"))
            with T.sblock("root"):
                acc = T.sblock_alloc_buffer((max(stop - start for (start, stop), _ in tiles),))
                with T.serial(0, shape.batch) as sample:
                    _name(acc=acc, sample=sample)
                    for number, (span, cols) in enumerate(tiles):
                        _start_block(acc, b, span, number)
                        for tile, columns in enumerate(cols):
                            _mvm_block(acc, w, x, sample, span, columns, f"{number}_{tile}")
                        _end_block(acc, y, sample, span, shape.epilogue, number)
    return builder.get()


def _name(**variables: object) -> None:
    for name, variable in variables.items():
        IRBuilder.name(name, variable)


def _start_block(acc: Buffer, bias: Buffer | None, rows: Span, number: int) -> None:
    start, stop = rows
    with T.serial(0, stop - start) as i, T.sblock(f"start_{number}"):
        vi = T.axis.spatial(stop - start, i)
        _name(i=i, vi=vi)
        if bias is None:
            T.buffer_store(acc, T.float32(0), [vi])
        else:
            T.buffer_store(acc, bias[start + vi], [vi])


def _mvm_block(
    acc: Buffer, w: Buffer, x: Buffer, sample: object, rows: Span, cols: Span, tile: str
) -> None:
    (row, row_stop), (col, col_stop) = rows, cols
    with T.grid(row_stop - row, col_stop - col) as (i, j), T.sblock(f"mvm_{tile}"):
        vs = T.axis.spatial(x.shape[0], sample)
        vi = T.axis.spatial(row_stop - row, i)
        vj = T.axis.reduce(col_stop - col, j)
        _name(i=i, j=j, vs=vs, vi=vi, vj=vj)
        T.buffer_store(acc, acc[vi] + w[col + vj, row + vi] * x[vs, col + vj], [vi])


def _end_block(
    acc: Buffer, y: Buffer, sample: object, rows: Span, epilogue: Applied, number: int
) -> None:
    start, stop = rows
    with T.serial(0, stop - start) as i, T.sblock(f"write_back_{number}"):
        vs = T.axis.spatial(y.shape[0], sample)
        vi = T.axis.spatial(stop - start, i)
        _name(i=i, vs=vs, vi=vi)
        value = epilogue.epilogue.tir(T, acc[vi], epilogue.parameter)
        T.buffer_store(y, value, [vs, start + vi])
