"""The instruction set: one file per instruction, each defining `INSTRUCTION`.

A new file in this folder is a new instruction; nothing else lists them.
"""

from importlib import import_module
from pkgutil import iter_modules

from eie_backend.isa.fields import Instruction


def _discover() -> tuple[Instruction, ...]:
    found = [
        import_module(f"{__name__}.{info.name}").INSTRUCTION for info in iter_modules(__path__)
    ]
    return tuple(sorted(found, key=lambda instruction: instruction.opcode))


INSTRUCTIONS: tuple[Instruction, ...] = _discover()
BY_NAME = {instruction.name: instruction for instruction in INSTRUCTIONS}
BY_OPCODE = {instruction.opcode: instruction for instruction in INSTRUCTIONS}
