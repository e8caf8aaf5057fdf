"""The instruction set: one file per instruction, each defining `INSTRUCTION`.

A new file in this folder is a new instruction; nothing else lists them.
"""

from eie_backend.discover import discover
from eie_backend.isa.fields import Instruction

INSTRUCTIONS: tuple[Instruction, ...] = tuple(
    sorted(discover(__name__, __path__, "INSTRUCTION"), key=lambda instruction: instruction.opcode)
)
BY_NAME = {instruction.name: instruction for instruction in INSTRUCTIONS}
BY_OPCODE = {instruction.opcode: instruction for instruction in INSTRUCTIONS}
