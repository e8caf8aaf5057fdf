"""``clear``: zero the destination registers before an output block."""

from collections.abc import Mapping

from eie_backend.isa.fields import Instruction
from eie_backend.isa.state import MachineState


def _execute(state: MachineState, operands: Mapping[str, int]) -> None:
    state.acc[:] = 0


INSTRUCTION = Instruction(
    name="clear",
    opcode=3,
    fields=(),
    meaning="Clear all destination registers.",
    effect="acc[i] <- 0",
    source="EIE paper, section 4 (accumulators start from zero)",
    execute=_execute,
)
