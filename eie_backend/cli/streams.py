"""`take_streams`: standard output that says why it cannot be written, standard error that need not.

A result that cannot be printed is the user's error, on one line: the disk of ``> result.txt`` is
full, or the stream is closed. What is told beside it may get lost.
"""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from typing import Any, TextIO

from eie_backend.cli.console import end_quietly
from eie_backend.errors import EieError


class Results(TextIOWrapper):
    """A stream whose faults are errors of the user's; a reader who has gone is not one."""

    def write(self, text: str) -> int:
        """Write text."""
        try:
            return super().write(text)
        except BrokenPipeError:
            end_quietly()
        except OSError as error:
            raise unwritable(error) from error

    def flush(self) -> None:
        """Write what is still here."""
        try:
            super().flush()
        except BrokenPipeError:
            end_quietly()
        except OSError as error:
            raise unwritable(error) from error


class Remarks(TextIOWrapper):
    """A stream without faults."""

    def write(self, text: str) -> int:
        """Write text, if that is possible."""
        try:
            return super().write(text)
        except OSError:
            return len(text)

    def flush(self) -> None:
        """Write what is still here, if that is possible."""
        try:
            super().flush()
        except OSError:
            return


def unwritable(error: OSError) -> EieError:
    """Return the error that says why standard output cannot be written."""
    return EieError(
        f"standard output: cannot be written: {error.strerror}; send it to a file or a program "
        "that takes it"
    )


def take_streams() -> None:
    """Replace the standard streams of the process, which is that of a command.

    A closed one is opened, or else the next file would get its number, and what is printed.
    """
    # One that can only be read: whoever writes to standard output hears that it is closed.
    for number, flags in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        if not _is_open(number):
            os.open(os.devnull, flags)  # the lowest free number
    sys.stdout = _like(sys.stdout, 1, Results)
    sys.stderr = _like(sys.stderr, 2, Remarks)
    sys.stderr.reconfigure(line_buffering=True)


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _like(old: TextIO | None, number: int, kind: type[TextIOWrapper]) -> TextIOWrapper:
    """Return a stream of a kind in place of Python's own, which is None if it was closed."""
    buffer: Any = open(number, "wb", closefd=False)
    if old is None:
        return kind(buffer)
    return kind(buffer, old.encoding, old.errors, line_buffering=bool(old.line_buffering))
