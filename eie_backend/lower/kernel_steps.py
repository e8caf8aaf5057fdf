"""Read the ``T.eie`` calls of a scheduled kernel, with the buffer slices that they access."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tvm.s_tir.stmt import SBlock, SBlockRealize
from tvm.sym import Analyzer
from tvm.tirx import Evaluate, For, PrimFunc, SeqStmt, Stmt

PREFIX = "tirx.eie."


@dataclass(frozen=True)
class KernelStep:
    """One intrinsic call, for the first sample.

    `spans` gives, for each kernel buffer that the call accesses, the half-open range in every
    dimension; `args` are the call's numbers after the pointers.
    """

    name: str
    spans: Mapping[str, tuple[tuple[int, int], ...]]
    args: tuple[float, ...]


def kernel_steps(kernel: PrimFunc) -> list[KernelStep]:
    """Return the intrinsic calls of one sample, in order.

    The loop over samples is unrolled once only: the machine runs the program for each sample.
    """
    return list(_walk(kernel.body, Analyzer()))


def _walk(stmt: Stmt, analyzer: Analyzer) -> Iterator[KernelStep]:
    if isinstance(stmt, SeqStmt):
        for child in stmt.seq:
            yield from _walk(child, analyzer)
    elif isinstance(stmt, For):
        analyzer.bind(stmt.loop_var, stmt.min)
        yield from _walk(stmt.body, analyzer)
    elif isinstance(stmt, SBlockRealize):
        block = stmt.block
        for iter_var, value in zip(block.iter_vars, stmt.iter_values, strict=True):
            analyzer.bind(iter_var.var, analyzer.simplify(value))
        if isinstance(block.body, Evaluate):
            yield _step(block, analyzer)
        else:
            yield from _walk(block.body, analyzer)
    else:
        raise AssertionError(f"a scheduled kernel has no {type(stmt).__name__}")


def _step(block: SBlock, analyzer: Analyzer) -> KernelStep:
    spans = {}
    for match in block.match_buffers:
        lows = [int(analyzer.simplify(r.min)) for r in match.source.region]
        extents = [int(analyzer.simplify(r.extent)) for r in match.source.region]
        spans[match.source.source.name] = tuple(
            (low, low + extent) for low, extent in zip(lows, extents, strict=True)
        )
    call = block.body.value
    args = tuple(arg.value for arg in call.args[len(spans) :])
    return KernelStep(call.op.name.removeprefix(PREFIX), spans, args)
