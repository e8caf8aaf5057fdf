"""Images of version 2: one program each, every matrix with its table. They are read, not written.

After the header they have no sections; a text or block of bytes is its u32 length and its bytes::

    u32 n, n x u32                           HardwareConfig, fields in declaration order
    u32 arithmetic  u32 inputs  u32 outputs  u32 setup_per_call
    text symbol  text manifest (JSON)
    u32 n, n x text                          layer names
    u32 n, n x matrix                        u32 rows, cols, has_bias_column, pointer bytes;
                                             table (4 bytes a value); pointers PE after PE;
                                             block of entries, PE after PE
    u32 n, n x (u32 count, count x 4 bytes)  biases, float32 or int32
    u32 n, n x 16 bytes                      setup instructions
    u32 n, n x 16 bytes                      instructions
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from eie_backend.config import HardwareConfig
from eie_backend.isa.fields import Field
from eie_backend.isa.image.byte_reader import ByteReader, flag
from eie_backend.isa.image.programs import (
    arithmetic_of,
    check_layers,
    decode_manifest,
    decode_steps,
)
from eie_backend.isa.image.records import decode_weights
from eie_backend.isa.instructions import BY_NAME
from eie_backend.isa.program import Program
from eie_backend.machine.encoding import EncodedMatrix

OLD_WRITE_BACK = replace(
    BY_NAME["write_back"],
    fields=(
        Field("dst_row", 16, "act rows", ""),
        Field("count", 24, "values", ""),
        Field("relu", 1, "", "1 is the epilogue of that number"),
        Field("shift", 8, "bits", "", signed=True),
    ),
)


def translate_word(word: bytes) -> bytes:
    """Return today's word of an instruction, 16 bytes.

    Raises
    ------
    EncodingError
        If a bit outside the instruction's fields is set.
    """
    if word[0] != OLD_WRITE_BACK.opcode:
        return word
    operands, layer = OLD_WRITE_BACK.decode(word)
    operands |= {"epilogue": operands.pop("relu"), "parameter": 0}
    return BY_NAME[OLD_WRITE_BACK.name].encode(operands, layer)


def decode_version_2(reader: ByteReader) -> Program:
    """Read what follows the header."""
    config = HardwareConfig.from_words(reader.words(reader.u32()))
    arithmetic = arithmetic_of(reader.u32())
    dtype = "<f4" if arithmetic == "float32" else "<i4"
    inputs, outputs, per_call = reader.u32(), reader.u32(), reader.u32()
    program = Program(
        symbol=reader.text(),
        manifest=decode_manifest(reader),
        config=config,
        arithmetic=arithmetic,
        inputs=inputs,
        outputs=outputs,
        setup_per_call=flag("setup_per_call", per_call),
        layers=reader.table(reader.text),
        matrices=reader.table(lambda: _matrix(reader, config, dtype)),
        biases=reader.table(lambda: np.frombuffer(reader.take(4 * reader.u32()), dtype)),
        setup=decode_steps(reader, translate_word),
        steps=decode_steps(reader, translate_word),
    )
    reader.finish("the last instruction")
    check_layers(program)
    return program


def _matrix(reader: ByteReader, config: HardwareConfig, dtype: str) -> EncodedMatrix:
    sizes = reader.words(4)
    table = np.frombuffer(reader.take(4 * config.codebook_entries), dtype)
    return decode_weights(reader, config, sizes, table)
