"""``store_act``: send an output vector to the host (I/O mode)."""

from collections.abc import Mapping

from eie_backend.isa.fields import Field, Instruction
from eie_backend.isa.state import MachineState
from eie_backend.machine.numerics import dequantize


def _execute(state: MachineState, operands: Mapping[str, int]) -> None:
    at = operands["src_row"] * state.config.num_pe
    values = state.act[at : at + operands["count"]]
    if not state.is_float:
        values = dequantize(values, operands["frac_bits"])
    state.output[operands["dst"] : operands["dst"] + operands["count"]] = values


INSTRUCTION = Instruction(
    name="store_act",
    opcode=7,
    fields=(
        Field("src_row", 16, "act rows", "first row in the activation SRAM"),
        Field("dst", 24, "values", "first value in the host's output of one sample"),
        Field("count", 24, "values", "length of the vector"),
        Field("frac_bits", 8, "bits", "fractional bits of the stored activations", signed=True),
    ),
    meaning="Store a vector of the activation SRAM in the host's output, as float32.",
    effect="output[dst + i] <- act[src_row * P + i] * 2**-frac_bits",
    source="EIE paper, section 4 (I/O mode); the format is a design choice",
    execute=_execute,
)
