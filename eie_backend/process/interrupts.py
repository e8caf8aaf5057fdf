"""Ctrl-C: a command ends with one line and exit code 130, at whatever instant it comes.

`KeyboardInterrupt` alone cannot do that. Before a command's work there is nobody to catch it, and
after it, Python is no longer there to raise it; TVM makes a `RuntimeError` of one that is raised in
a function it calls, and a destructor drops it. So that it came is noted, too.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

INTERRUPT_EXIT = 130
"""Exit code that a shell reports for a program ended by SIGINT: 128 + 2."""

LINE = "eie: interrupted; no file was left half-written\n"
AGAIN_SECONDS = 0.01
"""Until a lost `KeyboardInterrupt` is raised again."""

_working = False
_came = False
_spare: int | None = None


def install() -> None:
    """Take over Ctrl-C for the rest of the process, which is that of a command."""
    signal.signal(signal.SIGINT, _take)
    signal.signal(signal.SIGALRM, _raise)
    sys.unraisablehook = _lost


def spare(descriptor: int) -> None:
    """Name a descriptor that Python does not write to; C++ may, until Ctrl-C."""
    global _spare  # noqa: PLW0603
    _spare = descriptor


def began() -> None:
    """From now on, there may be something to clean up: Ctrl-C raises `KeyboardInterrupt`."""
    global _working  # noqa: PLW0603
    _working = True


def ended() -> None:
    """From now on, there is nothing to clean up: Ctrl-C ends the process."""
    global _working  # noqa: PLW0603
    _working = False


def came() -> bool:
    """Return whether Ctrl-C came, whatever became of its exception."""
    return _came


def answered() -> None:
    """Let Ctrl-C be the way in which a command is meant to end."""
    global _came  # noqa: PLW0603
    _came = False


def leave() -> NoReturn:
    """End the process at once, with the line, unless that is being written already."""
    if not _came:
        with suppress(OSError):
            os.write(2, LINE.encode())
    os._exit(INTERRUPT_EXIT)


def _take(_number: int, _frame: FrameType | None) -> None:
    global _came  # noqa: PLW0603
    if _came or not _working:
        leave()
    _came = True
    _silence()
    raise KeyboardInterrupt


def _silence() -> None:
    """Let C++ no longer tell of operations that end halfway."""
    if _spare is not None:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), _spare)


def _raise(_number: int, _frame: FrameType | None) -> None:
    if _came and _working:
        raise KeyboardInterrupt


def _lost(unraisable: Any) -> None:
    """Raise again what a destructor cannot raise; its other exceptions are told as usual."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        signal.setitimer(signal.ITIMER_REAL, AGAIN_SECONDS)
    elif not _came:
        sys.__unraisablehook__(unraisable)


@contextmanager
def held() -> Iterator[None]:
    """Hold Ctrl-C back until the block ends; processes that are started in it never get it."""
    seen: list[int] = []
    # Another thread may get the signal, and the main thread would run its handler all the same.
    before = _replaced(lambda number, _frame: seen.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        _replaced(before)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if seen:
            signal.raise_signal(signal.SIGINT)


def _replaced(handler: Any) -> Any:
    """Replace the handler and return the old one; None outside the main thread, which runs it."""
    try:
        return None if handler is None else signal.signal(signal.SIGINT, handler)
    except ValueError:
        return None
