"""The record of a program: its instructions, and which of the image's matrices and biases it has.

Instructions count the matrices and biases of their program.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from eie_backend.config import HardwareConfig
from eie_backend.errors import ImageError
from eie_backend.isa.fields import WORD_BYTES
from eie_backend.isa.image.byte_reader import ByteReader, flag
from eie_backend.isa.image.records import StoredMatrix, StoredValues, block, record, u32
from eie_backend.isa.instructions import BY_NAME, BY_OPCODE
from eie_backend.isa.program import Program, Step
from eie_backend.machine.choices import ARITHMETIC, Arithmetic

PROGRAM_FIELDS = ("arithmetic", "inputs", "outputs", "setup_per_call")

Stored = TypeVar("Stored", StoredMatrix, StoredValues)


def encode_program(program: Program, matrices: Sequence[int], biases: Sequence[int]) -> bytes:
    """Return the record of a program whose matrices and biases have these numbers in the image."""
    arithmetic = ARITHMETIC.number(program.arithmetic)
    return record(
        [arithmetic, program.inputs, program.outputs, program.setup_per_call],
        block(program.symbol.encode()),
        block(json.dumps(dict(program.manifest), sort_keys=True).encode()),
        _table(block(name.encode()) for name in program.layers),
        u32(len(matrices), *matrices),
        u32(len(biases), *biases),
        _table(_word(step) for step in program.setup),
        _table(_word(step) for step in program.steps),
    )


def _table(items: Iterable[bytes]) -> bytes:
    parts = list(items)
    return u32(len(parts)) + b"".join(parts)


def _word(step: Step) -> bytes:
    return BY_NAME[step.instruction].encode(step.operands, step.layer)


def decode_program(
    reader: ByteReader,
    config: HardwareConfig,
    matrices: Sequence[StoredMatrix],
    biases: Sequence[StoredValues],
) -> Program:
    """Read the record of a program, all of a section."""
    found = reader.record()
    arithmetic, inputs, outputs, per_call = found.fields("program", PROGRAM_FIELDS)
    is_float = (kind := arithmetic_of(arithmetic)) == "float32"
    symbol, manifest, layers = found.text(), decode_manifest(found), found.table(found.text)
    own_matrices = _named("matrix", found, matrices, is_float)
    own_biases = _named("bias", found, biases, is_float)
    program = Program(
        symbol=symbol,
        manifest=manifest,
        config=config,
        arithmetic=kind,
        inputs=inputs,
        outputs=outputs,
        setup_per_call=flag("setup_per_call", per_call),
        layers=layers,
        matrices=tuple(stored.matrix for stored in own_matrices),
        biases=tuple(stored.values for stored in own_biases),
        setup=decode_steps(found),
        steps=decode_steps(found),
    )
    found.finish("the last instruction")
    reader.finish("the program")
    check_layers(program)
    return program


def _named(what: str, reader: ByteReader, stored: Sequence[Stored], is_float: bool) -> list[Stored]:
    """Read the numbers of a program's matrices or biases; return what they name."""
    numbers = reader.words(reader.u32())
    if (highest := max(numbers, default=-1)) >= len(stored):
        raise ImageError(f"{what} {highest} of a program, the image has {len(stored)}")
    if wrong := [number for number in numbers if stored[number].is_float != is_float]:
        raise ImageError(f"{what} {wrong[0]} is not in the numbers of its program's arithmetic")
    return [stored[number] for number in numbers]


def arithmetic_of(number: int) -> Arithmetic:
    """Return the arithmetic with a number."""
    if number >= len(ARITHMETIC.values):
        raise ImageError(f"arithmetic = {number}, allowed is 0..{len(ARITHMETIC.values) - 1}")
    return ARITHMETIC.values[number]


def decode_manifest(reader: ByteReader) -> dict[str, str]:
    """Read a manifest."""
    manifest = json.loads(reader.text())
    if not isinstance(manifest, dict) or not all(isinstance(v, str) for v in manifest.values()):
        raise ImageError("the manifest is not a JSON object of strings")
    return manifest


def decode_steps(
    reader: ByteReader, translate: Callable[[bytes], bytes] = lambda word: word
) -> tuple[Step, ...]:
    """Read a table of instructions; `translate` makes today's words of theirs."""
    return reader.table(lambda: _step(translate(reader.take(WORD_BYTES))))


def _step(word: bytes) -> Step:
    if word[0] not in BY_OPCODE:
        raise ImageError(f"unknown opcode {word[0]}; known are {sorted(BY_OPCODE)}")
    instruction = BY_OPCODE[word[0]]
    operands, layer = instruction.decode(word)
    return Step(instruction.name, operands, layer)


def check_layers(program: Program) -> None:
    """Raise `ImageError` unless all instructions are of layers that the program has."""
    highest = max((s.layer for s in program.setup + program.steps), default=-1)
    if highest >= len(program.layers):
        raise ImageError(f"layer {highest}, the program has {len(program.layers)}")
