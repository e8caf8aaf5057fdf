"""Images of version 3 cut into sections and put together again, by the layout in docs/image.md."""

import struct
import zlib

HEADER_BYTES, SECTION_BYTES = 16, 16


def split(image):
    """Return the sections of an image, each a tag and a content."""
    found, at = [], HEADER_BYTES
    while at < len(image):
        tag, length, _ = struct.unpack_from("<4sQI", image, at)
        at += SECTION_BYTES
        found.append((tag, image[at : at + length]))
        at += length
    return found


def join(sections, version=3):
    """Return an image of sections, with all its checksums."""
    body = b"".join(
        struct.pack("<4sQI", tag, len(content), zlib.crc32(content)) + content
        for tag, content in sections
    )
    return b"EIEIMAGE" + struct.pack("<2I", version, zlib.crc32(body)) + body


def with_section(image, tag, content):
    """Return an image with another content of one section."""
    return join([(name, content if name == tag else old) for name, old in split(image)])


def with_checksums(image):
    """Return bytes with checksums that fit, as far as they have sections."""
    altered, at = bytearray(image), HEADER_BYTES
    has_sections = altered[8:12] == struct.pack("<I", 3)
    while has_sections and at + SECTION_BYTES <= len(altered):
        (length,) = struct.unpack_from("<Q", altered, at + 4)
        content = altered[at + SECTION_BYTES : at + SECTION_BYTES + length]
        struct.pack_into("<I", altered, at + 12, zlib.crc32(content))
        at += SECTION_BYTES + length
    if len(altered) >= HEADER_BYTES:
        struct.pack_into("<I", altered, HEADER_BYTES - 4, zlib.crc32(altered[HEADER_BYTES:]))
    return bytes(altered)
