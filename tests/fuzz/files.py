"""Readers that want a file get one, in memory where the system offers it."""

from __future__ import annotations

import atexit
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where a folder of random name is made


@cache
def folder() -> Path:
    """Return a folder of this process."""
    made = tempfile.TemporaryDirectory(dir=SHARED_MEMORY if SHARED_MEMORY.is_dir() else None)
    atexit.register(made.cleanup)
    return Path(made.name)


def with_file(read: Callable[[Path], T], data: bytes, name: str) -> T:
    """Return what `read` makes of a file of that name."""
    path = folder() / name
    path.write_bytes(data)
    return read(path)
