"""Replace the loops of a tiled kernel by the machine's instructions."""

from __future__ import annotations

from tvm.s_tir import Schedule
from tvm.tirx import PrimFunc

from eie_backend.schedules import intrinsics
from eie_backend.transform.attributes import RELU


def tensorize(func: PrimFunc) -> PrimFunc:
    """Turn every block of a tiled dense kernel into a call of a ``T.eie`` intrinsic.

    Before -> after, one block::

        for i, j in T.grid(32, 64):
            with T.sblock("mvm_0_0"):              T.eie.mvm(acc, w[0:64, 0:32],
                acc[i] = acc[i] + w[j, i] * x[j] ->          x[0:64], 32, 64)

    Raises
    ------
    tvm.error.ScheduleError
        If a block does not match its intrinsic.
    """
    schedule = Schedule(func)
    root = schedule.get_sblock("root")
    for block in schedule.get_child_blocks(root):
        name = schedule.get(block).name_hint
        _, *loops = schedule.get_loops(block)
        extents = [int(schedule.get(loop).extent) for loop in loops]
        schedule.tensorize(loops[0], _intrinsic(name, extents, func))
    scheduled: PrimFunc = schedule.mod["main"]
    return scheduled


def _intrinsic(block: str, extents: list[int], func: PrimFunc) -> str:
    if block.startswith("mvm"):
        return intrinsics.mvm(*extents)
    if block.startswith("write_back"):
        return intrinsics.write_back(*extents, relu=bool(func.attrs[RELU]))
    has_bias = len(func.params) == 4
    return intrinsics.load_bias(*extents) if has_bias else intrinsics.clear(*extents)
