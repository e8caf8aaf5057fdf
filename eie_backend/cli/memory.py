"""Room in memory, made sure of before a command begins: without it, libraries do not fail cleanly.

Where an address space is limited (``ulimit -v``), the loader leaves half of TVM loaded, OpenBLAS
waits for ever, and the C library ends the process when a thread's own data do not fit.
"""

from __future__ import annotations

import mmap

ROOM_BYTES = 1_300_000_000
"""Address space that TVM, NumPy, drawing and their threads take, and some to work in."""

OUT_OF_MEMORY = (
    "out of memory; no file was left half-written: free some, raise the limit (ulimit -v), or run "
    f"where there is more: every command takes {ROOM_BYTES / 1e9:g} GB of address space, and "
    "compiling three times the model's float32 weights"
)


def require_room() -> None:
    """Raise `MemoryError` unless there is address space for what a command loads.

    No memory is used for it: the pages can neither be read nor written.
    """
    try:
        mmap.mmap(-1, ROOM_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=0).close()
    except OSError as error:
        raise MemoryError from error
