"""Images that `eie disasm` decodes in Python; the machine's are ``runtime/tests/fuzz_image.cc``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

from driver import Kind
from edits import edit_bytes, hard_number
from image_bytes import HEADER_BYTES, with_checksums
from programs import program

from eie_backend.isa.image import decode_image, encode_image
from eie_backend.isa.source_file import disassemble

GOLDEN_IMAGES = Path(__file__).parents[1] / "isa" / "golden_images"


def seeds() -> list[bytes]:
    """Return images of two arithmetics, one of two programs that share everything, an old one."""
    one = program("int16")
    both = encode_image(one, replace(one, symbol="g"))
    old = GOLDEN_IMAGES / "tiles.version_2.eieimg"
    return [encode_image(program("float32")), encode_image(one), both, old.read_bytes()]


def edit(random: Random, data: bytes) -> bytes:
    """Edit bytes, or one of the numbers of 4 bytes, and make the checksums fit."""
    for _ in range(random.choice((1, 1, 2, 4))):
        if random.random() < 0.5 or len(data) < HEADER_BYTES + 4:
            data = edit_bytes(random, data)
        else:
            at = random.randrange(HEADER_BYTES, len(data) - 3)
            number = hard_number(random) % (1 << 32)
            data = data[:at] + number.to_bytes(4, "little") + data[at + 4 :]
    return with_checksums(data)


def read(data: bytes) -> str:
    """Decode and print, as `eie disasm` does."""
    return disassemble(decode_image(data))


KIND = Kind("images", seeds, edit, read, multiple=1000)
