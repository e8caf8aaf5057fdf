"""Replace the loops of a tiled kernel by the machine's instructions."""

from __future__ import annotations

from tvm.s_tir import Schedule
from tvm.s_tir.stmt import SBlock
from tvm.tirx import IterVar, PrimFunc

from eie_backend.schedules import intrinsics
from eie_backend.transform.epilogues import kernel_epilogue


def tensorize(func: PrimFunc) -> PrimFunc:
    """Turn every block of a tiled dense kernel into a call of a ``T.eie`` intrinsic.

    Before -> after, one block::

        for i, j in T.grid(32, 64):
            with T.sblock("mvm_0_0"):              T.eie.mvm(acc, w[0:64, 0:32],
                acc[i] = acc[i] + w[j, i] * x[j] ->          x[0:64], 32, 64)

    1. A block that sums becomes ``mvm``.
    2. One that writes the kernel's result becomes ``write_back``.
    3. One that starts an output block becomes ``load_bias`` if it reads a bias, else ``clear``.

    What a block is called plays no part.

    Raises
    ------
    tvm.error.ScheduleError
        If a block does not match its intrinsic.
    """
    schedule = Schedule(func)
    root = schedule.get_sblock("root")
    for block in schedule.get_child_blocks(root):
        _, *loops = schedule.get_loops(block)
        extents = [int(schedule.get(loop).extent) for loop in loops]
        schedule.tensorize(loops[0], _intrinsic(schedule.get(block), extents, func))
    scheduled: PrimFunc = schedule.mod["main"]
    return scheduled


def _intrinsic(block: SBlock, extents: list[int], func: PrimFunc) -> str:
    # 1.
    if any(axis.iter_type == IterVar.CommReduce for axis in block.iter_vars):
        return intrinsics.mvm(*extents)
    # 2.
    result = func.params[-1]
    if any(written.source.same_as(result) for written in block.writes):
        return intrinsics.write_back(*extents, kernel_epilogue(func))
    # 3.
    return intrinsics.load_bias(*extents) if block.reads else intrinsics.clear(*extents)
