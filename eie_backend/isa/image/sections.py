"""An image's header and its sections, of whose contents nothing is known here.

The layout is in ``docs/image.md``.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Collection, Iterable, Mapping

from eie_backend.errors import ImageError
from eie_backend.isa.image.byte_reader import ByteReader

MAGIC = b"EIEIMAGE"
VERSION = 3
READ_VERSIONS = (2, VERSION)
HEADER_BYTES = len(MAGIC) + 8
SECTION = struct.Struct("<4sQI")
"""Tag, length and checksum of a section, before its content."""


def pack(sections: Iterable[tuple[str, bytes]]) -> bytes:
    """Return an image with these sections, each a tag and a content."""
    parts = []
    for tag, content in sections:
        parts += [SECTION.pack(tag.encode(), len(content), zlib.crc32(content)), content]
    body = b"".join(parts)
    return MAGIC + struct.pack("<2I", VERSION, zlib.crc32(body)) + body


def checked_version(image: bytes) -> int:
    """Return the version of an image whose bytes are those that were written.

    Raises
    ------
    ImageError
        If it is no image, or of a version that is not read here, or truncated or altered.
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
    if version not in READ_VERSIONS:
        raise ImageError(
            f"image: version {version}, this package reads {READ_VERSIONS[0]} to {VERSION}; "
            "compile the model again"
        )
    if zlib.crc32(memoryview(image)[HEADER_BYTES:]) != checksum:
        raise ImageError("image: checksum mismatch: truncated or altered; compile the model again")
    return int(version)


def unpack(
    image: bytes, once: Collection[str], repeated: Collection[str]
) -> Mapping[str, list[ByteReader]]:
    """Return readers of the sections by tag; optional sections that are not known are left out.

    Parameters
    ----------
    image : bytes
        A whole image, its header checked.
    once, repeated : collection of str
        Tags of the sections that it has once, and at least once.

    Raises
    ------
    ImageError
        If a section is altered, unknown and not optional, missing, or there too often.
    """
    reader, known = ByteReader(image, HEADER_BYTES), {*once, *repeated}
    found: dict[str, list[ByteReader]] = {}
    while not reader.at_end():
        raw, length, checksum = SECTION.unpack(reader.take(SECTION.size))
        if not (raw.isascii() and raw.isalpha()):
            raise ImageError(f"the tag {raw!r} of a section is not four letters")
        tag, content = raw.decode(), reader.part(length)
        if zlib.crc32(content.view()) != checksum:
            raise ImageError(f"section {tag}: checksum mismatch")
        if tag not in known and tag[0].isupper():
            raise ImageError(
                f"section {tag} is unknown; use the release that wrote it, or a newer one"
            )
        if tag in known:
            found.setdefault(tag, []).append(content)
    if missing := sorted(known - found.keys()):
        raise ImageError(f"sections {missing} are missing")
    if twice := sorted(tag for tag in found.keys() - set(repeated) if len(found[tag]) > 1):
        raise ImageError(f"sections {twice} are there more than once")
    return found
