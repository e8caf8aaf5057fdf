"""Ctrl-C: a command ends with one line and exit code 130, at whatever instant it comes.

`KeyboardInterrupt` cannot do that: TVM makes a `RuntimeError` of one that a function of ours raises
in it, other C++ code ends the process, a destructor drops it, and before and after the work
there is nobody to catch it. So nothing is raised: the handler itself undoes what is unfinished and
ends the process, as one may at any instant whose files are whole or absent.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from eie_backend.process import foreign

if TYPE_CHECKING:
    from socket import socket

INTERRUPT_EXIT = 130
"""Exit code that a shell reports for a program ended by SIGINT: 128 + 2."""

LINE = "eie: interrupted; no file was left half-written\n"
SHOW_CURSOR = "\x1b[?25h\n"
"""Progress bars hide it, and stand in a line of their own."""

_undoing: list[Callable[[], object]] = []
_holding = threading.RLock()
"""Whoever ends the process waits for what another thread holds, and lets nothing else begin."""
_leaves = False


def install() -> None:
    """Take over Ctrl-C for the rest of the process, which is that of a command."""
    signal.signal(signal.SIGINT, _leave)


def raise_it() -> None:
    """Let Ctrl-C raise `KeyboardInterrupt` again, for a command that it is meant to end."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def ringing(bell: socket) -> Iterator[None]:
    """Write to `bell` when a signal comes, for a main thread that waits for what it brings.

    One that waits for a lock sleeps on if the signal came between its last bytecode and the wait.
    """
    before = signal.set_wakeup_fd(bell.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)


@contextmanager
def undone(undo: Callable[[], object]) -> Iterator[None]:
    """Call `undo` if Ctrl-C ends the process within the block."""
    _undoing.append(undo)
    try:
        yield
    finally:
        _undoing.remove(undo)


def leave(code: int, told: str = "") -> NoReturn:
    """Undo what is unfinished, in any thread, tell, and end the process."""
    _holding.acquire()
    for undo in [*_undoing, _remove_temporary_folders]:
        with suppress(Exception):
            undo()
    with suppress(OSError):
        os.write(foreign.real(2), told.encode())
    os._exit(code)


def _leave(_number: int, _frame: FrameType | None) -> None:
    global _leaves  # noqa: PLW0603
    if _leaves:  # whoever presses it twice does not wait
        os._exit(INTERRUPT_EXIT)
    _leaves = True
    foreign.end()  # what others print from now on tells nothing
    leave(INTERRUPT_EXIT, (SHOW_CURSOR if os.isatty(foreign.real(2)) else "") + LINE)


def _remove_temporary_folders() -> None:
    if "tempfile" not in sys.modules:
        return
    import gc
    from tempfile import TemporaryDirectory

    for found in gc.get_objects():
        if type(found) is TemporaryDirectory:
            with suppress(OSError):
                found.cleanup()


@contextmanager
def held() -> Iterator[None]:
    """Hold Ctrl-C and `leave` back until the block ends; processes started in it never get it."""
    seen: list[int] = []
    # Another thread may get the signal, and the main thread would run its handler all the same.
    before = _replaced(lambda number, _frame: seen.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with _holding:
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
