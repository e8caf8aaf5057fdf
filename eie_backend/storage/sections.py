"""The frame of a ``.eiez`` file: sections with a checksum each, and a checksum of the whole file.

The format is little-endian; ``docs/eiez.md`` describes it::

    magic (8) | version u32 | sections u32 | section ... | SHA-256 of all before (32)
    section: kind (4) | length u64 | CRC-32 of kind, length and payload u32 | payload
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from eie_backend.errors import ContainerError

MAGIC = b"\x89EIEZ\r\n\x1a"
"""Magic bytes that, like PNG's, are not text and that conversions of line ends corrupt."""

VERSION = 1
START = struct.Struct("<8sII")
HEADER = struct.Struct("<4sQI")
TENSOR = struct.Struct("<IBB")
"""Prefix of a tensor's content: the number of the initializer, its field, the encoding."""

DIGEST_BYTES = 32
AGAIN = "copy the file again or pack the model again"


@dataclass(frozen=True)
class Section:
    """A section: its four-letter kind, its payload, and the payload's offset in the file."""

    kind: str
    payload: bytes
    at: int = 0


def join(sections: Sequence[Section]) -> bytes:
    """Return the bytes of a file with these sections."""
    parts = [START.pack(MAGIC, VERSION, len(sections))]
    for section in sections:
        kind, payload = section.kind.encode(), section.payload
        parts += [HEADER.pack(kind, len(payload), _crc(kind, payload)), payload]
    whole = b"".join(parts)
    return whole + hashlib.sha256(whole).digest()


def split(data: bytes) -> list[Section]:
    """Return the sections of a file after checking that it is complete and unaltered.

    Raises
    ------
    ContainerError
        If the file is incomplete or altered; the message says where.
    """
    if not data.startswith(MAGIC):
        raise ContainerError("not a .eiez file: it does not start as one; give one from `eie pack`")
    end = len(data) - DIGEST_BYTES
    if end < START.size:
        raise ContainerError(f"truncated: {len(data)} bytes; {AGAIN}")
    _, version, count = START.unpack_from(data)
    if version != VERSION:
        raise ContainerError(
            f"version {version} of the format; this release reads version {VERSION}: install the "
            "release that wrote it, or pack the model again"
        )
    sections, at = [], START.size
    for number in range(count):
        start = at + HEADER.size
        if start > end:
            raise ContainerError(f"truncated at section {number} of {count}, byte {at}; {AGAIN}")
        kind, length, crc = HEADER.unpack_from(data, at)
        where = f"section {number + 1} of {count}, byte {at}"
        if start + length > end:
            raise ContainerError(
                f"truncated or altered: {where} declares {length} bytes, {end - start} follow; "
                f"{AGAIN}"
            )
        payload = data[start : start + length]
        if _crc(kind, payload) != crc:
            raise ContainerError(f"altered: the checksum of {where} differs; {AGAIN}")
        sections.append(Section(kind.decode("latin-1"), payload, start))
        at = start + length
    if at != end or hashlib.sha256(data[:end]).digest() != data[end:]:
        raise ContainerError(f"altered: the checksum over the whole file differs; {AGAIN}")
    return sections


def _crc(kind: bytes, payload: bytes) -> int:
    start = kind + len(payload).to_bytes(8, "little")
    return zlib.crc32(payload, zlib.crc32(start))
