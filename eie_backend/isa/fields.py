"""`Instruction`: operand fields, encoding and executable meaning of an instruction, in one row.

An instruction word has `WORD_BITS` bits: the opcode, the number of the source layer, then the
operands in declaration order, least significant bit first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eie_backend.errors import EncodingError

if TYPE_CHECKING:
    from eie_backend.isa.state import MachineState

WORD_BITS = 128
WORD_BYTES = WORD_BITS // 8


@dataclass(frozen=True)
class Field:
    """One operand of an instruction."""

    name: str
    bits: int
    unit: str
    doc: str
    signed: bool = False

    @property
    def low(self) -> int:
        """Smallest value that the field can hold."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """Largest value that the field can hold."""
        return (1 << (self.bits - self.signed)) - 1


OPCODE = Field("opcode", 8, "", "which instruction")
LAYER = Field("layer", 16, "layer", "source layer, for reports")


@dataclass(frozen=True)
class Instruction:
    """One instruction: its fields, its meaning and its execution.

    `execute` takes the reference machine's state and the operands by name.
    """

    name: str
    opcode: int
    fields: tuple[Field, ...]
    meaning: str
    effect: str
    source: str
    execute: Callable[[MachineState, Mapping[str, int]], None]

    @property
    def layout(self) -> tuple[tuple[Field, int], ...]:
        """Every field of the word with the position of its lowest bit."""
        positions, at = [], 0
        for spec in (OPCODE, LAYER, *self.fields):
            positions.append((spec, at))
            at += spec.bits
        return tuple(positions)

    def encode(self, operands: Mapping[str, int], layer: int) -> bytes:
        """Return the instruction word.

        Raises
        ------
        EncodingError
            If an operand is missing, unknown or out of range. Operands are never truncated.
        """
        names = {spec.name for spec in self.fields}
        if operands.keys() != names:
            raise EncodingError(
                f"eie.{self.name}: operands {sorted(operands.keys() ^ names)} are missing or "
                f"unknown; it takes {[spec.name for spec in self.fields]}"
            )
        values = {**operands, "opcode": self.opcode, "layer": layer}
        word = 0
        for spec, at in self.layout:
            value = values[spec.name]
            if not spec.low <= value <= spec.high:
                raise EncodingError(
                    f"eie.{self.name}: {spec.name} = {value} is outside "
                    f"{spec.low}..{spec.high}; give one inside"
                )
            word |= (value & ((1 << spec.bits) - 1)) << at
        return word.to_bytes(WORD_BYTES, "little")

    def decode(self, word: bytes) -> tuple[dict[str, int], int]:
        """Return the operands by name and the layer number of an instruction word.

        Raises
        ------
        EncodingError
            If a bit outside the instruction's fields is set.
        """
        rest = int.from_bytes(word, "little")
        values = {}
        for spec, _ in self.layout:
            value = rest & ((1 << spec.bits) - 1)
            rest >>= spec.bits
            values[spec.name] = value - (1 << spec.bits) if value > spec.high else value
        if rest:
            raise EncodingError(
                f"eie.{self.name}: bits outside its fields are set in {word.hex()}; clear them"
            )
        del values["opcode"]
        return values, values.pop("layer")
