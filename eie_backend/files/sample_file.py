"""`SampleFile`: the arrays of a ``.npy`` or ``.npz``, read in parts so that they may be large."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from math import prod
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from eie_backend.errors import InputError
from eie_backend.files.array_file import (
    Header,
    open_arrays,
    plain_faults,
    read_header,
    read_values,
)


class SampleFile:
    """A file of arrays whose first axis counts samples.

    Parameters
    ----------
    path : Path
        A ``.npy``, whose array has the name "", or a ``.npz``.

    Attributes
    ----------
    headers : dict of str to Header
        Header by array name.

    Raises
    ------
    InputError
        If the file cannot be read, is not an array file, or has arrays that need pickle.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._opened() as files:
            self.headers: dict[str, Header] = {name: header for name, (_, header) in files.items()}

    def read(self, name: str) -> NDArray[np.generic]:
        """Return a whole array; Fortran-ordered arrays can only be read this way.

        Raises
        ------
        InputError
            If the file is damaged or ends early.
        """
        with self._opened() as files:
            file, header = files[name]
            values = read_values(file, header.dtype, prod(header.shape))
        return values.reshape(header.shape, order="F" if header.is_fortran else "C")

    def parts(self, rows: Mapping[str, int]) -> Iterator[dict[str, NDArray[np.generic]]]:
        """Yield so many rows of each array at a time, by name; the last part may be smaller.

        An array without a first axis is whole in every part. The shortest array ends the parts.

        Raises
        ------
        InputError
            If the file is damaged or ends early.
        """
        cut = {name: n for name, n in rows.items() if self.headers[name].shape}
        held = [name for name in rows if name not in cut or self.headers[name].is_fortran]
        whole = {name: self.read(name) for name in held}
        extents = {name: self.headers[name].shape[0] for name in cut}
        count = min((-(-extents[name] // n) for name, n in cut.items()), default=1)
        with self._opened() as files:
            for number in range(count):
                part = {name: whole[name] for name in whole if name not in cut}
                for name, n in cut.items():
                    first = number * n
                    size = min(n, extents[name] - first)
                    part[name] = (
                        whole[name][first : first + size]
                        if name in whole
                        else _rows(*files[name], size)
                    )
                yield part

    @contextmanager
    def _opened(self) -> Iterator[dict[str, tuple[IO[bytes], Header]]]:
        """Open every array's file, and read its header."""
        try:
            size = self.path.stat().st_size
            with ExitStack() as stack, plain_faults():
                file = stack.enter_context(self.path.open("rb"))
                if zipfile.is_zipfile(file):
                    archive = stack.enter_context(zipfile.ZipFile(file))
                    opened = list(open_arrays(archive, size))
                else:
                    file.seek(0)
                    opened = [("", file, size)]
                for _, one, _ in opened:
                    stack.enter_context(one)
                yield {name: (one, read_header(one, bytes_)) for name, one, bytes_ in opened}
        except FileNotFoundError as error:
            raise InputError(f"{self.path}: no such file; give a .npy or .npz file") from error
        except ValueError as error:
            raise InputError(
                f"{self.path}: not a whole .npy or .npz file of plain arrays: {error}; write it "
                "with numpy.save or numpy.savez"
            ) from error
        except OSError as error:
            raise InputError(
                f"{self.path}: cannot be read: {error.strerror or error}; give a file that can be "
                "read"
            ) from error


def _rows(file: IO[bytes], header: Header, rows: int) -> NDArray[np.generic]:
    row = header.shape[1:]
    return read_values(file, header.dtype, rows * prod(row)).reshape(rows, *row)
