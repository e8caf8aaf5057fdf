"""Imported weights in memory-mapped temporary files, resident only while they are read.

A pass keeps its input module until it is done, so memory would hold old and new weights together.
Large imported weights are therefore in unnamed temporary files that are mapped into memory. Each
reader releases the pages when it is done, and the next reader gets them back from the file.
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
"""The mapping of each live spooled tensor, by address."""


def spooled_tensor(values: NDArray[np.float32]) -> tvm.runtime.Tensor:
    """Return a tensor with a copy of `values` (of any strides) in a temporary file.

    Raises
    ------
    OSError
        If the folder for temporary files is full.
    """
    with tempfile.TemporaryFile() as file:
        # Allocate disk space now: a full disk while pages are written would kill the process.
        os.posix_fallocate(file.fileno(), 0, values.nbytes)
        mapping = mmap.mmap(file.fileno(), values.nbytes)
    array = np.frombuffer(mapping, values.dtype).reshape(values.shape)
    array[...] = values
    _mappings[array.ctypes.data] = mapping
    weakref.finalize(array, _mappings.pop, array.ctypes.data)
    release(array)
    return tvm.runtime.from_dlpack(array)


def release(values: NDArray[np.generic]) -> None:
    """Release the pages of a spooled tensor's values; other arrays are left alone."""
    if mapping := _mappings.get(values.ctypes.data):
        mapping.madvise(mmap.MADV_DONTNEED)
