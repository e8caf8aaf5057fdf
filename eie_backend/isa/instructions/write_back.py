"""``write_back``: end an output block: epilogue, round to activations, write activation SRAM."""

from collections.abc import Mapping

from eie_backend.epilogues import BY_NUMBER, why_not_written
from eie_backend.isa.fields import Field, Instruction
from eie_backend.isa.state import MachineState
from eie_backend.machine.numerics import shift_round


def _execute(state: MachineState, operands: Mapping[str, int]) -> None:
    number, parameter = operands["epilogue"], operands["parameter"]
    if why := why_not_written(number, parameter, state.is_float):
        raise ValueError(why)
    values = BY_NUMBER[number].execute(state.acc[: operands["count"]], parameter)
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
        Field("epilogue", 8, "", "number of the epilogue, see below"),
        Field("parameter", 32, "", "the epilogue's parameter; its bits in float32"),
        Field("shift", 8, "bits", "right shift to the output's scale; left if < 0", signed=True),
    ),
    meaning="Write the destination registers to the activation SRAM, through an epilogue.",
    effect="act[dst_row * P + i] <- sat(round(epilogue(acc[i], parameter) >> shift))",
    source="EIE paper, section 4 (activation read/write unit)",
    execute=_execute,
)
