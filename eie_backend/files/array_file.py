"""Read untrusted ``.npy`` and ``.npz`` files.

NumPy trusts the size in a header and allocates memory before it reads a value, and Python's parser
reads the header. This module therefore reads headers by itself, as the few words that a plain array
needs, and checks them against file sizes, and these against deflate's largest ratio.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from eie_backend.errors import is_out_of_memory

MAX_DEFLATION = 1032
"""Largest compression ratio of deflate; see https://zlib.net/zlib_tech.html."""

SUFFIX = ".npy"
LENGTH_BYTES = {(1, 0): 2, (2, 0): 4}
"""Size of a header's length by version; only structured arrays need another version."""

MAX_HEADER_BYTES = 10_000
"""Longest header that NumPy reads, too; a plain array's has a hundred bytes."""

PART_BYTES = 1 << 20
"""Most bytes that are read at once."""

MAX_SHOWN = 120
"""Most characters of a text in a message."""

MAX_AXES = 64
MAX_BYTES = (1 << 63) - 1
"""Most axes of an array of NumPy's, and most bytes."""

ENTRY = re.compile(
    r"""(['"])(?P<key>descr|fortran_order|shape)\1:(?:(?P<quote>['"])(?P<descr>[^'"]*)(?P=quote)"""
    r"""|(?P<order>True|False)|\((?P<shape>(?:\d{1,19}L?,)*(?:\d{1,19}L?)?)\)),?"""
)
"""An entry of a plain array's header without spaces; Python 2 wrote ``3L``."""

DESCR = re.compile(r"[<>|=]?([biufcSUmM])\d{0,9}(\[\d{0,9}\w{0,2}\])?")
"""Type of a plain array's values."""

PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Compressions that NumPy writes; with others, a few bytes may expand to gigabytes."""


def read_array_file(path: Path) -> NDArray[Any] | dict[str, NDArray[Any]]:
    """Return the array in a ``.npy``, or the arrays in a ``.npz`` by name.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is not a complete file of plain arrays; the message says why.
    """
    size = path.stat().st_size
    with path.open("rb") as file, plain_faults():
        if not zipfile.is_zipfile(file):
            return _array(file, size)
        with zipfile.ZipFile(file) as archive:
            return _arrays(archive, size)


@contextmanager
def plain_faults() -> Iterator[None]:
    """Turn what zipfile and zlib raise, which is of many types, into `ValueError`.

    What memory or the file system refuses stays as it is.
    """
    try:
        yield
    except (OSError, ValueError):
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise ValueError(f"{type(error).__name__}: {error}") from error


def open_arrays(archive: zipfile.ZipFile, file_bytes: int) -> Iterator[tuple[str, IO[bytes], int]]:
    """Yield the arrays of an archive: name, file, and the file's size in bytes.

    Raises
    ------
    ValueError
        If a member is not an array, or may be larger than the archive declares.
    """
    members = archive.infolist()
    if sum(member.compress_size for member in members) > file_bytes:
        raise ValueError("members overlap")
    for member in members:
        limit = MAX_DEFLATION * member.compress_size
        if member.compress_type not in PLAIN or member.file_size > limit:
            raise ValueError(f"{member.filename!r} is neither stored nor deflated")
        if not member.filename.endswith(SUFFIX):
            raise ValueError(f"{member.filename!r} is no array")
    for member in members:
        yield member.filename.removesuffix(SUFFIX), archive.open(member), member.file_size


class Header(NamedTuple):
    """The header of an array file."""

    shape: tuple[int, ...]
    is_fortran: bool
    dtype: Any


def read_header(file: IO[bytes], size: int) -> Header:
    """Read an array's header from the beginning of a file of `size` bytes.

    Raises
    ------
    ValueError
        If it is not a header, or declares more values than there are, or values that are no
        numbers, texts or dates.
    """
    header = _header(_header_text(file))
    known = [extent for extent in header.shape if extent]
    if len(header.shape) > MAX_AXES:
        raise ValueError(f"an array of {len(header.shape)} axes, at most {MAX_AXES}")
    if prod(known) * header.dtype.itemsize > MAX_BYTES:
        raise ValueError(f"an array of {header.shape}, {header.dtype}: larger than any can be")
    if prod(header.shape) * header.dtype.itemsize > size - file.tell():
        raise ValueError(f"an array of {header.shape}, {header.dtype}, in {size} bytes")
    return header


def _header_text(file: IO[bytes]) -> str:
    """Return the text of a header, and leave the file at the first value."""
    start = file.read(npy.MAGIC_LEN)
    if start[: len(npy.MAGIC_PREFIX)] != npy.MAGIC_PREFIX or len(start) < npy.MAGIC_LEN:
        raise ValueError("no header of an array: it does not begin as a .npy file does")
    version = start[-2], start[-1]
    if version not in LENGTH_BYTES:
        raise ValueError(
            f"no header of an array of plain values: format {version[0]}.{version[1]}, known are "
            "1.0 and 2.0"
        )
    field = file.read(LENGTH_BYTES[version])
    length = int.from_bytes(field, "little")
    if length > MAX_HEADER_BYTES:
        raise ValueError(f"no header of an array: {length} bytes, at most {MAX_HEADER_BYTES}")
    text = file.read(length)
    if len(field) < LENGTH_BYTES[version] or len(text) < length:
        raise ValueError("no header of an array: the file ends within it")
    return text.decode("latin-1")


def _header(text: str) -> Header:
    """Return the header that a text is; NumPy writes exactly these three entries."""
    close = "".join(text.split())
    found, at = {}, 1
    while entry := ENTRY.match(close, at):
        found[entry["key"]], at = entry, entry.end()
    match found:
        case {"descr": descr, "fortran_order": order, "shape": shape} if (
            close[:1] + close[at:] == "{}"
            and descr["descr"] is not None
            and order["order"] is not None
            and shape["shape"] is not None
        ):
            extents = [int(n.rstrip("L")) for n in shape["shape"].split(",") if n]
            return Header(tuple(extents), order["order"] == "True", _dtype(descr["descr"]))
    raise ValueError(
        f"no header of an array of plain values: {shortened(text.strip())}; expected are descr, "
        "fortran_order and shape, as of numpy.zeros((2, 3))"
    )


def shortened(text: str) -> str:
    """Return a text in quotes for a message; of a long one, its beginning."""
    shown = repr(text)
    return shown if len(shown) <= MAX_SHOWN else f"{shown[:MAX_SHOWN]}..."


def _dtype(descr: str) -> np.dtype[Any]:
    """Return the dtype of a description; never one of objects or fields."""
    if descr.lstrip("<>|=").startswith("O"):
        raise ValueError("object needs pickle, which runs what a file says")
    try:
        if DESCR.fullmatch(descr) and (dtype := np.dtype(descr)).itemsize:
            return dtype
    except (TypeError, ValueError):
        pass
    raise ValueError(f"values of type {shortened(descr)}, expected are numbers, texts or dates")


def _arrays(archive: zipfile.ZipFile, file_bytes: int) -> dict[str, NDArray[Any]]:
    arrays = {}
    for name, file, size in open_arrays(archive, file_bytes):
        with file:
            arrays[name] = _array(file, size)
    return arrays


def _array(file: IO[bytes], size: int) -> NDArray[Any]:
    file.seek(0)
    header = read_header(file, size)
    values = read_values(file, header.dtype, prod(header.shape))
    return values.reshape(header.shape, order="F" if header.is_fortran else "C")


def read_values(file: IO[bytes], dtype: np.dtype[Any], count: int) -> NDArray[Any]:
    """Read `count` values.

    Raises
    ------
    ValueError
        If the file ends early.
    """
    data, at = bytearray(count * dtype.itemsize), 0
    while at < len(data):  # in parts: a member of an archive would inflate into a second copy
        part = file.read(min(PART_BYTES, len(data) - at))
        if not part:
            raise ValueError("it ends early")
        data[at : at + len(part)] = part
        at += len(part)
    return np.frombuffer(data, dtype)
