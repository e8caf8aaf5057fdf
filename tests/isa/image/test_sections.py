"""Header and sections: what is truncated, altered, missing, unknown or there twice is refused."""

import struct
import zlib

import numpy as np
import pytest
from image_bytes import SECTION_BYTES, join, split, with_checksums

from eie_backend import HardwareConfig, encode
from eie_backend.errors import ImageError
from eie_backend.isa.image import decode_image, encode_image
from eie_backend.isa.program import Program

CONFIG = HardwareConfig(num_pe=2)
MATRIX = encode(np.array([[1, 0, 3]], np.uint8), [0, 0.5, -1, 2], CONFIG)
BIAS = np.array([1], np.float32)
PROGRAM = Program("f", CONFIG, "float32", 3, 1, ("fc1",), (MATRIX,), (BIAS,), (), ())
IMAGE = encode_image(PROGRAM)
SECTIONS = split(IMAGE)


def refused(image):
    with pytest.raises(ImageError) as error:
        decode_image(image)
    return str(error.value)


def malformed(image):
    message = refused(image)
    assert message.startswith("image: malformed: ")
    assert message.endswith("; compile the model again")
    return message.removeprefix("image: malformed: ").removesuffix("; compile the model again")


def test_the_layout_of_header_and_sections():
    assert IMAGE[:8] == b"EIEIMAGE"
    assert struct.unpack_from("<2I", IMAGE, 8) == (3, zlib.crc32(IMAGE[16:]))
    assert [tag for tag, _ in SECTIONS] == [b"CONF", b"SETS", b"MATR", b"BIAS", b"PROG"]
    assert join(SECTIONS) == IMAGE


def test_something_else_is_not_an_image():
    assert refused(b"\x7fELF and more") == (
        "image: starts with b'\\x7fELF and', not with b'EIEIMAGE'; this is not an eie image"
    )
    assert refused(b"") == "image: starts with b'', not with b'EIEIMAGE'; this is not an eie image"


@pytest.mark.parametrize("size", [8, 12, 15])
def test_a_cut_header_is_truncated(size):
    assert refused(IMAGE[:size]) == (
        f"image: truncated: {size} bytes, the header has 16; compile the model again"
    )


@pytest.mark.parametrize("version", [0, 1, 4])
def test_another_version(version):
    assert refused(join(SECTIONS, version)) == (
        f"image: version {version}, this package reads 2 to 3; compile the model again"
    )


def test_a_wrong_checksum():
    assert refused(IMAGE + b"\0") == (
        "image: checksum mismatch: truncated or altered; compile the model again"
    )
    altered = bytearray(IMAGE)
    altered[16 + SECTION_BYTES] ^= 1
    struct.pack_into("<I", altered, 12, zlib.crc32(altered[16:]))
    assert malformed(bytes(altered)) == "section CONF: checksum mismatch"


def test_what_follows_the_last_section_is_refused():
    assert malformed(with_checksums(IMAGE + b"\0")) == (
        f"truncated at byte {len(IMAGE)}: 16 more bytes expected, 1 left"
    )


@pytest.mark.parametrize("order", [SECTIONS[::-1], SECTIONS[2:] + SECTIONS[:2]])
def test_sections_come_in_any_order(order):
    assert encode_image(*decode_image(join(order))) == IMAGE


@pytest.mark.parametrize("at", range(5))
def test_a_missing_section_is_refused(at):
    tag = SECTIONS[at][0].decode()
    assert malformed(join(SECTIONS[:at] + SECTIONS[at + 1 :])) == f"sections ['{tag}'] are missing"


@pytest.mark.parametrize("at", range(4))
def test_a_section_that_is_there_twice_is_refused(at):
    tag = SECTIONS[at][0].decode()
    assert malformed(join([*SECTIONS, SECTIONS[at]])) == (
        f"sections ['{tag}'] are there more than once"
    )


def test_an_unknown_section_is_refused_unless_it_is_optional():
    assert malformed(join([*SECTIONS, (b"NEWS", b"")])) == (
        "section NEWS is unknown; use the release that wrote it, or a newer one"
    )
    optional = join([(b"nEWS", b"any"), *SECTIONS, (b"nEWS", b"")])
    assert encode_image(*decode_image(optional)) == IMAGE


@pytest.mark.parametrize("tag", [b"PRO1", b"PRO ", b"\0\0\0\0", b"PRO\xc4"])
def test_a_tag_is_four_letters(tag):
    assert malformed(join([*SECTIONS, (tag, b"")])) == (
        f"the tag {tag!r} of a section is not four letters"
    )
