"""Imported weights on disk: in memory only while somebody reads them.

A pass keeps the module that it rewrites until it is done, so old and new weights would be held
together. Large imported weights therefore lie in unnamed temporary files that are mapped into
memory: whoever has read them lets their pages go, and the next reader gets them back from the file.
"""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref

import numpy as np
import tvm
from numpy.typing import NDArray

_mappings: dict[int, mmap.mmap] = {}
"""The mapping of each spooled tensor that is alive, by address."""


def spooled_tensor(values: NDArray[np.float32]) -> tvm.runtime.Tensor:
    """Return a tensor with a copy of `values`, whatever their strides, in a temporary file.

    Raises
    ------
    OSError
        If the folder for temporary files is full.
    """
    with tempfile.TemporaryFile() as file:
        # Now and not when the pages are written, which would kill the process.
        os.posix_fallocate(file.fileno(), 0, values.nbytes)
        mapping = mmap.mmap(file.fileno(), values.nbytes)
    array = np.frombuffer(mapping, values.dtype).reshape(values.shape)
    array[...] = values
    _mappings[array.ctypes.data] = mapping
    weakref.finalize(array, _mappings.pop, array.ctypes.data)
    release(array)
    return tvm.runtime.from_dlpack(array)


def release(values: NDArray[np.generic]) -> None:
    """Let the pages of a spooled tensor's values go; others are left alone."""
    if mapping := _mappings.get(values.ctypes.data):
        mapping.madvise(mmap.MADV_DONTNEED)
