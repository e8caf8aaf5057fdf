"""``load_bias``: start an output block from its bias at full precision (I/O mode)."""

from collections.abc import Mapping

from eie_backend.isa.fields import Field, Instruction
from eie_backend.isa.state import MachineState


def _execute(state: MachineState, operands: Mapping[str, int]) -> None:
    bias = state.program.biases[operands["bias"]]
    state.acc[:] = 0
    state.acc[: bias.size] = bias


INSTRUCTION = Instruction(
    name="load_bias",
    opcode=4,
    fields=(Field("bias", 16, "bias", "number of the bias vector"),),
    meaning="Load a bias vector into the destination registers and clear the registers past it.",
    effect="acc[i] <- biases[bias][i]",
    source="design choice: the paper stores the bias as one more column",
    execute=_execute,
)
