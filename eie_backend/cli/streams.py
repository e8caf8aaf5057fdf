"""`take_streams`: standard output that says why it cannot be written, standard error that need not.

A result that cannot be printed is the user's error, on one line: the disk of ``> result.txt`` is
full, or the stream is closed. What is told beside it may get lost. Both are for the command itself;
what others print while it works goes elsewhere.
"""

from __future__ import annotations

import atexit
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import wraps
from io import TextIOWrapper
from typing import Any, TextIO

import rich.console

from eie_backend.cli.console import asked, end_quietly, err, out
from eie_backend.errors import EieError
from eie_backend.process import foreign


class Results(TextIOWrapper):
    """A stream whose faults are errors of the user's; a reader who has gone is not one."""

    def write(self, text: str) -> int:
        """Write text."""
        foreign.settle()
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


class Others(TextIOWrapper):
    """A stream without faults, for what others print."""

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


class Remarks(Others):
    """A stream without faults, for what the command tells, in order with what others print."""

    def write(self, text: str) -> int:
        """Write text, if that is possible."""
        foreign.settle()
        return super().write(text)


_others: tuple[TextIO, TextIO] | None = None
"""In a command's process, Python's standard output and error for what others print."""


def unwritable(error: OSError) -> EieError:
    """Return the error that says why standard output cannot be written."""
    return EieError(
        f"standard output: cannot be written: {error.strerror}; send it to a file or a program "
        "that takes it"
    )


def take_streams() -> None:
    """Replace the standard streams of the process, which is that of a command.

    The consoles print to the real ones; Python's own are for others, except while `speaking`.
    """
    global _others  # noqa: PLW0603
    out.file = _like(sys.stdout, foreign.real(1), Results)
    err.file = told = _like(sys.stderr, foreign.real(2), Remarks)
    told.reconfigure(line_buffering=True)
    if foreign.is_kept_out():
        _others = _like(sys.stdout, 1, Others), _like(sys.stderr, 2, Others)
        for stream in _others:
            stream.reconfigure(line_buffering=True)
            atexit.register(stream.flush)
        # They look for the terminal and its width at 0, 1 and 2.
        rich.console._STD_STREAMS = (0, foreign.real(1), foreign.real(2))
    sys.stdout, sys.stderr = _others or (out.file, err.file)


@contextmanager
def speaking() -> Iterator[None]:
    """Let Python's standard streams be those of the command: what runs it prints help there."""
    with redirect_stdout(out.file), redirect_stderr(err.file):
        yield


def listening(command: Callable[..., Any]) -> Callable[..., Any]:
    """Return a command during which Python's standard streams are those of others again.

    What they print is shown if --verbose asks for it.
    """

    @wraps(command)
    def run(**arguments: Any) -> Any:
        if _others is None:
            return command(**arguments)
        if asked.verbose and not asked.quiet:
            foreign.show()
        with redirect_stdout(_others[0]), redirect_stderr(_others[1]):
            return command(**arguments)

    return run


def _like(old: TextIO | None, number: int, kind: type[TextIOWrapper]) -> TextIOWrapper:
    """Return a stream of a kind in place of Python's own, which is None if it was closed."""
    buffer: Any = open(number, "wb", closefd=False)
    if old is None:
        return kind(buffer)
    return kind(buffer, old.encoding, old.errors, line_buffering=bool(old.line_buffering))
