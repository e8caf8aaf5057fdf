"""`SampleFile`: the arrays of a ``.npy`` or ``.npz``, read part by part, however large they are."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from math import prod
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from eie_backend.errors import InputError

READ_HEADER = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


class Header(NamedTuple):
    """What stands before an array's values in a file."""

    shape: tuple[int, ...]
    is_fortran: bool
    dtype: np.dtype[Any]


class SampleFile:
    """A file of arrays whose first axis counts samples.

    Parameters
    ----------
    path : Path
        A ``.npy``, whose array has the name "", or a ``.npz``.

    Attributes
    ----------
    headers : dict of str to Header
        By array.

    Raises
    ------
    InputError
        If the file cannot be read, is no array file, or has arrays that need pickle.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.headers: dict[str, Header] = {}
        with self._opened() as files:
            for name, file in files.items():
                self.headers[name] = _header(file)

    def read(self, name: str) -> NDArray[np.generic]:
        """Return a whole array; one whose values lie column by column can only be read so.

        Raises
        ------
        InputError
            If the file is damaged or ends early.
        """
        with self._opened() as files:
            header = _header(files[name])
            values = _values(files[name], header.dtype, prod(header.shape))
        return values.reshape(header.shape, order="F" if header.is_fortran else "C")

    def parts(self, names: Sequence[str], samples: int) -> Iterator[dict[str, NDArray[np.generic]]]:
        """Yield the arrays `names`, that many samples at a time; the last part may be smaller.

        Raises
        ------
        InputError
            If the file is damaged or ends early.
        """
        count = min(self.headers[name].shape[0] for name in names)
        whole = {name: self.read(name) for name in names if self.headers[name].is_fortran}
        with self._opened() as files:
            for name in names:
                _header(files[name])
            for start in range(0, count, samples):
                stop = min(start + samples, count)
                yield {
                    name: whole[name][start:stop]
                    if name in whole
                    else self._rows(files[name], name, stop - start)
                    for name in names
                }

    def _rows(self, file: IO[bytes], name: str, rows: int) -> NDArray[np.generic]:
        header = self.headers[name]
        row = header.shape[1:]
        return _values(file, header.dtype, rows * prod(row)).reshape(rows, *row)

    @contextmanager
    def _opened(self) -> Iterator[dict[str, IO[bytes]]]:
        """Open every array's file, at its beginning."""
        try:
            with ExitStack() as stack:
                if not zipfile.is_zipfile(self.path):
                    yield {"": stack.enter_context(self.path.open("rb"))}
                    return
                archive = stack.enter_context(zipfile.ZipFile(self.path))
                yield {
                    name.removesuffix(".npy"): stack.enter_context(archive.open(name))
                    for name in archive.namelist()
                }
        except FileNotFoundError as error:
            raise InputError(f"{self.path}: no such file; give a .npy or .npz file") from error
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError) as error:
            raise InputError(
                f"{self.path}: not a whole .npy or .npz file of plain arrays; write it with "
                "numpy.save"
            ) from error
        except OSError as error:
            raise InputError(
                f"{self.path}: cannot be read: {error.strerror or error}; give a file that can be "
                "read"
            ) from error


def _header(file: IO[bytes]) -> Header:
    """Read an array's header.

    Raises
    ------
    ValueError
        If it is none, or the values are Python objects, which only pickle reads.
    """
    version = npy.read_magic(file)
    if version not in READ_HEADER:
        raise ValueError(f"version {version} of the format")
    header = Header(*READ_HEADER[version](file))
    if header.dtype.hasobject or any(extent < 0 for extent in header.shape):
        raise ValueError("objects, or an impossible shape")
    return header


def _values(file: IO[bytes], dtype: np.dtype[Any], count: int) -> NDArray[np.generic]:
    """Read that many values.

    Raises
    ------
    EOFError
        If the file ends before.
    """
    data = file.read(count * dtype.itemsize)
    if len(data) != count * dtype.itemsize:
        raise EOFError
    return np.frombuffer(data, dtype)
