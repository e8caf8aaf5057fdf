"""The binary image: a `Program` as bytes, and back.

The layout is little-endian; a string or byte block is its u32 length and its bytes::

    "EIEIMAGE"  u32 version  u32 crc32 of all later bytes
    u32 n, n x u32                           HardwareConfig, fields in declaration order
    u32 arithmetic  u32 inputs  u32 outputs  u32 setup_per_call
    string symbol  string manifest (JSON)
    u32 n, n x string                        layer names
    u32 n, n x matrix                        see `encode_matrix`
    u32 n, n x (u32 count, count x 4 bytes)  biases, float32 or int32
    u32 n, n x 16 bytes                      setup instructions
    u32 n, n x 16 bytes                      instructions

The C++ reader is ``runtime/image/image.cc``.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import TypeVar

import numpy as np

from eie_backend.config import HardwareConfig
from eie_backend.errors import EieError, ImageError
from eie_backend.isa.fields import WORD_BYTES
from eie_backend.isa.instructions import BY_NAME, BY_OPCODE
from eie_backend.isa.program import Program, Step
from eie_backend.machine.choices import ARITHMETIC
from eie_backend.machine.encoding import EncodedMatrix

MAGIC = b"EIEIMAGE"
VERSION = 2
HEADER_BYTES = len(MAGIC) + 8

T = TypeVar("T")


def _u32(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def _block(data: bytes) -> bytes:
    return _u32(len(data)) + data


def _table(items: Iterable[bytes]) -> bytes:
    parts = list(items)
    return _u32(len(parts)) + b"".join(parts)


def encode_config(config: HardwareConfig) -> bytes:
    """Return the configuration's block."""
    return _table(_u32(value) for value in config.to_dict().values())


def encode_matrix(matrix: EncodedMatrix) -> bytes:
    """Return a matrix's record.

    u32 rows, cols, has_bias_column, pointer bytes (2 or 4); codebook words (4 bytes each);
    pointers PE after PE; u32 entries; entries PE after PE. Counts follow from the sizes.
    """
    pointer_bytes = 2 if matrix.entries_per_pe.max() < 1 << 16 else 4
    return b"".join(
        [
            _u32(matrix.rows, matrix.cols, matrix.has_bias_column, pointer_bytes),
            np.ascontiguousarray(matrix.codebook).tobytes(),
            matrix.pointers.astype(f"<u{pointer_bytes}").tobytes(),
            _block(matrix.entries.tobytes()),
        ]
    )


def _encode_steps(steps: Iterable[Step]) -> bytes:
    return _table(BY_NAME[s.instruction].encode(s.operands, s.layer) for s in steps)


def encode_image(program: Program) -> bytes:
    """Return the image of `program`; equal programs give equal bytes.

    Raises
    ------
    EncodingError
        If an operand does not fit its field.
    """
    body = b"".join(
        [
            encode_config(program.config),
            _u32(ARITHMETIC.number(program.arithmetic), program.inputs, program.outputs),
            _u32(program.setup_per_call),
            _block(program.symbol.encode()),
            _block(json.dumps(dict(program.manifest), sort_keys=True).encode()),
            _table(_block(name.encode()) for name in program.layers),
            _table(encode_matrix(matrix) for matrix in program.matrices),
            _table(_u32(bias.size) + bias.tobytes() for bias in program.biases),
            _encode_steps(program.setup),
            _encode_steps(program.steps),
        ]
    )
    return MAGIC + _u32(VERSION, zlib.crc32(body)) + body


class _Reader:
    """Bounds-checked cursor over untrusted bytes."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, size: int) -> bytes:
        if size > len(self._data) - self._at:
            raise ImageError(
                f"truncated at byte {self._at}: {size} more bytes expected, "
                f"{len(self._data) - self._at} left"
            )
        self._at += size
        return self._data[self._at - size : self._at]

    def u32(self) -> int:
        return int.from_bytes(self.take(4), "little")

    def flag(self, name: str) -> bool:
        if (value := self.u32()) > 1:
            raise ImageError(f"{name} = {value}, allowed is 0..1")
        return bool(value)

    def text(self) -> str:
        return self.take(self.u32()).decode("utf-8")

    def table(self, item: Callable[[], T]) -> tuple[T, ...]:
        return tuple(item() for _ in range(self.u32()))

    def at_end(self) -> bool:
        return self._at == len(self._data)


def _decode_matrix(reader: _Reader, config: HardwareConfig, dtype: str) -> EncodedMatrix:
    rows, cols = (reader.u32() for _ in range(2))
    has_bias, pointer_bytes = reader.flag("has_bias_column"), reader.u32()
    if not max(rows, cols) <= config.block_values:
        raise ImageError(f"matrix of {rows} x {cols}: at most {config.block_values} fit registers")
    codebook = np.frombuffer(reader.take(4 * config.codebook_entries), dtype)
    shape = (config.num_pe, cols + has_bias + 1)
    raw = reader.take(shape[0] * shape[1] * pointer_bytes)
    pointers = np.frombuffer(raw, f"<u{pointer_bytes}").reshape(shape).astype(np.uint32)
    entries = np.frombuffer(reader.take(reader.u32()), np.uint8)
    if pointers[:, 0].any() or (pointers[:, 1:] < pointers[:, :-1]).any():
        raise ImageError("the pointers of a matrix do not rise from 0")
    if (total := int(pointers[:, -1].sum(dtype=np.int64))) != entries.size:
        raise ImageError(f"{entries.size} entries, but the pointers end at {total}")
    return EncodedMatrix(
        rows,
        cols,
        config.num_pe,
        config.codebook_bits,
        codebook,
        pointers,
        entries,
        has_bias,
    )


def _decode_step(word: bytes) -> Step:
    if word[0] not in BY_OPCODE:
        raise ImageError(f"unknown opcode {word[0]}; known are {sorted(BY_OPCODE)}")
    instruction = BY_OPCODE[word[0]]
    operands, layer = instruction.decode(word)
    return Step(instruction.name, operands, layer)


def decode_image(image: bytes) -> Program:
    """Return the program in `image`.

    Raises
    ------
    ImageError
        If the bytes are not an image of this version, or are truncated or altered.
    """
    if image[: len(MAGIC)] == MAGIC and len(image) < HEADER_BYTES:
        raise ImageError(
            f"image: truncated: {len(image)} bytes, the header has {HEADER_BYTES}; "
            "compile the model again"
        )
    if image[: len(MAGIC)] != MAGIC:
        raise ImageError(
            f"image: starts with {image[:8]!r}, not with {MAGIC!r}; this is not an eie image"
        )
    version, checksum = struct.unpack_from("<2I", image, len(MAGIC))
    if version != VERSION:
        raise ImageError(
            f"image: version {version}, this package reads {VERSION}; compile the model again"
        )
    if zlib.crc32(image[HEADER_BYTES:]) != checksum:
        raise ImageError("image: checksum mismatch: truncated or altered; compile the model again")
    try:
        return _decode_body(_Reader(image[HEADER_BYTES:]))
    except (ValueError, IndexError, TypeError, RecursionError, EieError) as error:
        raise ImageError(f"image: malformed: {error}; compile the model again") from error


def _decode_manifest(text: str) -> dict[str, str]:
    manifest = json.loads(text)
    if not isinstance(manifest, dict) or not all(isinstance(v, str) for v in manifest.values()):
        raise ImageError("the manifest is not a JSON object of strings")
    return manifest


def _decode_body(reader: _Reader) -> Program:
    sizes = reader.table(reader.u32)
    names = [spec.name for spec in fields(HardwareConfig)]
    config = HardwareConfig(**dict(zip(names, sizes, strict=True)))
    arithmetic = ARITHMETIC.values[reader.u32()]
    dtype = "<f4" if arithmetic == "float32" else "<i4"
    inputs, outputs, setup_per_call = reader.u32(), reader.u32(), reader.flag("setup_per_call")
    program = Program(
        symbol=reader.text(),
        manifest=_decode_manifest(reader.text()),
        config=config,
        arithmetic=arithmetic,
        inputs=inputs,
        outputs=outputs,
        setup_per_call=setup_per_call,
        layers=reader.table(reader.text),
        matrices=reader.table(lambda: _decode_matrix(reader, config, dtype)),
        biases=reader.table(lambda: np.frombuffer(reader.take(4 * reader.u32()), dtype)),
        setup=reader.table(lambda: _decode_step(reader.take(WORD_BYTES))),
        steps=reader.table(lambda: _decode_step(reader.take(WORD_BYTES))),
    )
    if not reader.at_end():
        raise ImageError("bytes follow the last instruction")
    if (highest := max((s.layer for s in program.setup + program.steps), default=-1)) >= len(
        program.layers
    ):
        raise ImageError(f"layer {highest}, the image has {len(program.layers)}")
    return program
