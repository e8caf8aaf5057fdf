"""``load_matrix``: bring one encoded matrix into the machine (I/O mode)."""

from collections.abc import Mapping

from eie_backend.isa.fields import Field, Instruction
from eie_backend.isa.state import MachineState


def _execute(state: MachineState, operands: Mapping[str, int]) -> None:
    state.loaded.add(operands["matrix"])


INSTRUCTION = Instruction(
    name="load_matrix",
    opcode=1,
    fields=(Field("matrix", 16, "matrix", "number of the encoded matrix"),),
    meaning="Load a matrix's codebook, pointers and entries from DRAM into every PE's SRAM.",
    effect="spmat, ptr, codebook <- matrices[matrix]",
    source="EIE paper, section 4 (I/O mode)",
    execute=_execute,
)
