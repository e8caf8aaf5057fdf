"""Images of version 2 are read and never written; altered ones are refused."""

import struct
from pathlib import Path

import numpy as np
import pytest
from image_bytes import HEADER_BYTES, with_checksums

from eie_backend.errors import EncodingError, ImageError
from eie_backend.isa.image import decode_image, encode_image, version_2
from eie_backend.isa.image.sections import VERSION
from eie_backend.isa.instructions import BY_NAME
from eie_backend.isa.program import Program

FOLDER = Path(__file__).parents[1] / "golden_images"
IMAGE = (FOLDER / "shared.version_2_1.eieimg").read_bytes()


def refused(image):
    with pytest.raises(ImageError) as error:
        decode_image(image)
    return str(error.value)


def test_an_image_has_one_program_and_every_matrix_its_table():
    (program,) = decode_image((FOLDER / "tiles.version_2.eieimg").read_bytes())
    assert isinstance(program, Program)
    tables = [matrix.codebook for matrix in program.matrices]
    assert len(tables) == 8
    assert all(table.shape == (8,) and table.dtype == np.float32 for table in tables)


def test_what_is_read_is_written_in_the_last_version():
    image = encode_image(*decode_image(IMAGE))
    assert struct.unpack_from("<I", image, 8) == (VERSION,)
    assert encode_image(*decode_image(image)) == image


def test_every_instruction_goes_through_the_translation(monkeypatch):
    words = []
    monkeypatch.setattr(version_2, "translate_word", lambda word: words.append(word) or word)
    (program,) = decode_image(IMAGE)
    assert len(words) == len(program.setup) + len(program.steps)
    assert {len(word) for word in words} == {16}


def test_every_truncation_and_every_byte_that_follows_is_refused():
    for size in range(len(IMAGE)):
        refused(IMAGE[:size])
        if size >= HEADER_BYTES:
            message = refused(with_checksums(IMAGE[:size]))
            assert message.startswith("image: malformed: ")
    assert "1 bytes follow the last instruction" in refused(with_checksums(IMAGE + b"\0"))


def test_every_changed_byte_is_refused():
    for at in range(len(IMAGE)):
        for change in (1, 0x80, 0xFF):
            altered = bytearray(IMAGE)
            altered[at] ^= change
            refused(bytes(altered))


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [
        (0, 13, "13 config fields, this release knows 12; use the release that wrote them, or a"),
        (0, 11, "config fields ['dram_bytes_per_cycle'] are missing or unknown"),
        (4, 0, "impossible HardwareConfig: num_pe = 0 is outside 1..1024 PEs"),
        (52, 4, "arithmetic = 4, allowed is 0..3"),
        (64, 2, "setup_per_call = 2, allowed is 0..1"),
    ],
)
def test_what_is_malformed_is_said(at, value, message):
    altered = bytearray(IMAGE)
    struct.pack_into("<I", altered, HEADER_BYTES + at, value)
    assert refused(with_checksums(bytes(altered))).startswith(f"image: malformed: {message}")


@pytest.mark.parametrize("shift", [-128, -1, 0, 127])
@pytest.mark.parametrize("relu", [0, 1])
def test_write_back_gets_an_epilogue(relu, shift):
    old = {"dst_row": 65535, "count": 0x123456, "relu": relu, "shift": shift}
    word = version_2.translate_word(version_2.OLD_WRITE_BACK.encode(old, 0xABCD))
    found, layer = BY_NAME["write_back"].decode(word)
    kept = {name: old[name] for name in ("dst_row", "count", "shift")}
    assert (found, layer) == ({**kept, "epilogue": relu, "parameter": 0}, 0xABCD)


@pytest.mark.parametrize("bit", [73, 80, 127])
def test_stray_bits_of_write_back_are_refused(bit):
    operands = {"dst_row": 0, "count": 1, "relu": 1, "shift": 0}
    word = int.from_bytes(version_2.OLD_WRITE_BACK.encode(operands, 0), "little") | 1 << bit
    with pytest.raises(EncodingError, match="bits outside its fields"):
        version_2.translate_word(word.to_bytes(16, "little"))
