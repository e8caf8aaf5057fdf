"""Compiled libraries: the check before one is loaded. What is inside is code, and trusted."""

from __future__ import annotations

import hashlib
import struct
from random import Random

from driver import Kind
from edits import edit_bytes, hard_number
from files import with_file

from eie_backend.codegen.library import ELF_HEADER_BYTES, ELF_SECTION_TABLE, SEAL, check_whole


def seeds() -> list[bytes]:
    """Return an ELF header with a section table at the end, without and with a seal."""
    header = bytearray(b"\x7fELF".ljust(ELF_HEADER_BYTES, b"\0"))
    struct.pack_into("<Q", header, ELF_SECTION_TABLE[0], 200)
    struct.pack_into("<2H", header, ELF_SECTION_TABLE[1], 64, 2)
    library = bytes(header).ljust(200 + 2 * 64, b"\1")
    return [library, library + SEAL + hashlib.sha256(library).digest()]


def edit(random: Random, data: bytes) -> bytes:
    """Edit bytes or the place of the section table; now and then, seal the file again."""
    if random.random() < 0.3 and len(data) >= ELF_HEADER_BYTES:
        changed, at = bytearray(data), random.choice((40, 58, 60))
        changed[at : at + 2] = (hard_number(random) % (1 << 16)).to_bytes(2, "little")
        data = bytes(changed)
    else:
        data = edit_bytes(random, data)
    return data + SEAL + hashlib.sha256(data).digest() if random.random() < 0.2 else data


def read(data: bytes) -> None:
    """Check a library without loading it."""
    with_file(check_whole, data, "model.so")


KIND = Kind("libraries", seeds, edit, read, multiple=8)
