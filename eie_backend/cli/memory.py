"""`require_room`: check for enough address space, without which libraries do not fail cleanly.

With a limited address space (``ulimit -v``), the loader leaves TVM half loaded, OpenBLAS hangs, and
the C library ends the process when thread-local data do not fit.
"""

from __future__ import annotations

import mmap

ROOM_BYTES = 1_300_000_000
"""Address space of TVM, NumPy, Matplotlib and their threads, with some working space."""

OUT_OF_MEMORY = (
    "out of memory; no file was left half-written: free some, raise the limit (ulimit -v), or run "
    f"where there is more: every command takes {ROOM_BYTES / 1e9:g} GB of address space, and "
    "compiling three times the model's float32 weights"
)


def require_room() -> None:
    """Raise `MemoryError` unless there is address space for a command's libraries.

    The check maps inaccessible pages, which take no memory.
    """
    try:
        mmap.mmap(-1, ROOM_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=0).close()
    except OSError as error:
        raise MemoryError from error
