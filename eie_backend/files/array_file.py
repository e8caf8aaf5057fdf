"""Read untrusted ``.npy`` and ``.npz`` files.

NumPy trusts the size in a header and allocates memory before it reads a value. This module
therefore checks headers against file sizes, and these against deflate's largest ratio.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import IO, Any, NamedTuple

from numpy.lib import format as npy
from numpy.typing import NDArray

from eie_backend.errors import is_out_of_memory

MAX_DEFLATION = 1032
"""Largest compression ratio of deflate; see https://zlib.net/zlib_tech.html."""

SUFFIX = ".npy"
HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
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
    with path.open("rb") as file:
        try:
            if not zipfile.is_zipfile(file):
                return _array(file, path.stat().st_size)
            with zipfile.ZipFile(file) as archive:
                return _arrays(archive, path.stat().st_size)
        except (OSError, ValueError):
            raise
        except Exception as error:
            if is_out_of_memory(error):
                raise
            # zipfile, zlib and NumPy's header parser raise exceptions of many types.
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
        If it is not a header, or declares more values than there are, or values that need pickle.
    """
    try:
        header = Header(*HEADERS[npy.read_magic(file)](file))
        declared = prod(header.shape) * header.dtype.itemsize
        fits = min(header.shape, default=0) >= 0 and declared <= size - file.tell()
    except OSError:
        raise
    except Exception as error:  # also MemoryError, of Python's parser
        raise ValueError(f"no header of an array: {error}") from error
    if header.dtype.hasobject:
        raise ValueError(f"{header.dtype} needs pickle, which runs what a file says")
    if not fits:
        raise ValueError(f"an array of {header.shape}, {header.dtype}, in {size} bytes")
    return header


def _arrays(archive: zipfile.ZipFile, file_bytes: int) -> dict[str, NDArray[Any]]:
    arrays = {}
    for name, file, size in open_arrays(archive, file_bytes):
        with file:
            arrays[name] = _array(file, size)
    return arrays


def _array(file: IO[bytes], size: int) -> NDArray[Any]:
    file.seek(0)
    read_header(file, size)
    file.seek(0)
    array: NDArray[Any] = npy.read_array(file, allow_pickle=False)
    return array
