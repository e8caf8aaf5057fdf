"""`only_one_in`: at most one process works in a folder."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TAKEN = (errno.EWOULDBLOCK, errno.EACCES)


@contextmanager
def only_one_in(folder: Path) -> Iterator[None]:
    """Hold a folder's lock, which ends with the process, even if it is killed.

    No file is written for it. On a file system without locks, nobody is kept out.

    Raises
    ------
    BlockingIOError
        If another process holds it, or another caller in this one.
    OSError
        If the folder cannot be opened.
    """
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in TAKEN:
                raise BlockingIOError(*error.args) from error
        yield
    finally:
        os.close(opened)
