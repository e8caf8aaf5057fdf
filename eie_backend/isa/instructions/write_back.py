"""``write_back``: end an output block: ReLU, round to activations, write the activation SRAM."""

from collections.abc import Mapping

import numpy as np

from eie_backend.isa.fields import Field, Instruction
from eie_backend.isa.state import MachineState
from eie_backend.machine.numerics import shift_round


def _execute(state: MachineState, operands: Mapping[str, int]) -> None:
    values = state.acc[: operands["count"]]
    if operands["relu"]:
        values = np.where(values <= 0, values.dtype.type(0), values)
    if not state.is_float:
        values = state.saturate(shift_round(values, operands["shift"]), state.value_bits)
    at = operands["dst_row"] * state.config.num_pe
    state.act[at : at + operands["count"]] = values


INSTRUCTION = Instruction(
    name="write_back",
    opcode=6,
    fields=(
        Field("dst_row", 16, "act rows", "first row in the activation SRAM"),
        Field("count", 24, "values", "length of the output block"),
        Field("relu", 1, "", "1 replaces negative values by 0"),
        Field("shift", 8, "bits", "right shift to the output's scale; left if < 0", signed=True),
    ),
    meaning="Write the destination registers to the activation SRAM, through ReLU if asked.",
    effect="act[dst_row * P + i] <- sat(round(relu(acc[i]) >> shift))",
    source="EIE paper, section 4 (activation read/write unit)",
    execute=_execute,
)
