"""`lack`: what the computer has too little of for what failed, and what to do about it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from typing import NamedTuple

FOLDER = "set TMPDIR to a folder with room"
DESCRIPTORS = "raise the limit (ulimit -n); 64 are enough for every command"
PROCESSES = "raise the limit (ulimit -u), or take fewer workers"
REMEDIES = {
    errno.ENOSPC: FOLDER,
    errno.EDQUOT: FOLDER,
    errno.EFBIG: "raise the limit (ulimit -f)",
    errno.EMFILE: DESCRIPTORS,
    errno.ENFILE: DESCRIPTORS,
    errno.EAGAIN: PROCESSES,
}
"""By error number; memory is a matter of its own, `eie_backend.errors.is_out_of_memory`."""

NO_FOLDER = "No usable temporary directory found"
NO_FILE = "Cannot create temporary file"
NO_THREAD = "can't start new thread"
"""What Python and compilers say without an error number that tells."""


class Lack(NamedTuple):
    """What is lacking, and what to do about it."""

    reason: str
    remedy: str


def lack(error: BaseException) -> Lack | None:
    """Return what is lacking if an error, or one that it stems from, says so.

    Examples
    --------
    >>> lack(OSError(errno.EFBIG, "File too large"))
    Lack(reason='File too large', remedy='raise the limit (ulimit -f)')
    >>> lack(OSError(errno.ENOENT, "No such file or directory"))
    """
    for one in _stems_from(error):
        for number, remedy in REMEDIES.items():
            # A linker says it in words.
            if getattr(one, "errno", None) == number or os.strerror(number) in str(one):
                return Lack(os.strerror(number), remedy)
        for said in (NO_FOLDER, NO_FILE):
            if said in str(one):
                return Lack(said, FOLDER)
        if NO_THREAD in str(one):
            return Lack(NO_THREAD, PROCESSES)
    return None


def _stems_from(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
