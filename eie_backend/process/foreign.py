"""What others print in a command's process is kept from its streams: TVM, LLVM, linkers, workers.

Descriptors 1 and 2 become one pipe, for whoever writes there or inherits them. A tiny process, the
relay, reads it and keeps the end of what it got. The command's own text goes to copies of the real
streams. A command that ends as it should has the relay forget; one that crashes cannot, and so the
relay prints what it has to the real standard error, the crash's own message last.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from contextlib import suppress
from typing import NamedTuple, NoReturn, TextIO

KEPT_BYTES = 1 << 16
"""A backtrace of TVM's is a sixth of that; two hundred warnings fit, too."""

PIPE_BYTES = 1 << 16
"""Most that a pipe holds: who reads as much has read all that was written before."""

TITLE = b"eie: what else was printed, last:\n"
"""Above what was kept."""

SHOW, ANSWER, FORGET = b"s", b"a", b"f"
"""What the command tells the relay: print all from now on, answer when you have, end."""

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")
"""A terminal or `timeout` sends them to the relay, too, which ends when the command has."""


class _Relay(NamedTuple):
    """The process, the command's descriptors to talk with it, and those of the real streams."""

    process: int
    orders: int
    answers: int
    out: int
    err: int


_relay: _Relay | None = None
_shows = False


def keep_out() -> None:
    """Keep what others print from the streams of this process, which is that of a command.

    A closed stream is opened, or else the next file would get its number, and what is printed. To
    be called before there are threads: this forks. Where that is not possible nothing is kept.
    """
    # One that can only be read: whoever writes to standard output hears that it is closed.
    for number, flags in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        if not _is_open(number):
            os.open(os.devnull, flags)  # the lowest free number
    if not hasattr(os, "fork"):
        return
    opened: list[int] = []
    try:
        for _ in range(3):
            opened += os.pipe()
        opened += [os.dup(1), os.dup(2)]
        process = os.fork()
    except OSError:  # too few descriptors or processes: who needs more of them says so
        for number in opened:
            os.close(number)
        return
    text, writes, read_orders, orders, answers, write_answers, out, err = opened
    if process == 0:
        _be_relay(text, read_orders, write_answers, err)
    for number in (1, 2):
        os.dup2(writes, number)
    for number in (text, writes, read_orders, write_answers):
        os.close(number)
    global _relay  # noqa: PLW0603
    _relay = _Relay(process, orders, answers, out, err)
    # Who looks for a terminal finds it.
    sys.stdout, sys.stderr = _moved(sys.stdout, out), _moved(sys.stderr, err)


def is_kept_out() -> bool:
    """Tell whether what others print is kept from the streams."""
    return _relay is not None


def real(number: int) -> int:
    """Return the descriptor of the real standard output (1) or error (2)."""
    if _relay is None:
        return number
    return {1: _relay.out, 2: _relay.err}[number]


def show() -> None:
    """Print what was kept on the real standard error, and what comes from now on."""
    global _shows  # noqa: PLW0603
    if _relay is not None:
        _shows = True
        _tell(_relay, SHOW)
        settle()


def settle() -> None:
    """Wait until all that is shown is printed, so that what is printed next comes after it."""
    if _relay is not None and _shows and _tell(_relay, ANSWER):
        os.read(_relay.answers, 1)  # nothing, if the relay was killed


def end() -> None:
    """End the relay; what is not shown is forgotten."""
    if _relay is not None:
        _tell(_relay, FORGET)
        with suppress(ChildProcessError):
            os.waitpid(_relay.process, 0)


def _tell(relay: _Relay, order: bytes) -> bool:
    try:
        os.write(relay.orders, order)
    except OSError:
        return False
    return True


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _moved(old: TextIO | None, number: int) -> TextIO:
    """Return a stream like Python's own, which is None if it was closed."""
    if old is None:
        return open(number, "w", closefd=False)
    return open(number, "w", encoding=old.encoding, errors=old.errors, closefd=False)


def _be_relay(text: int, orders: int, answers: int, err: int) -> NoReturn:
    """Be the relay until the command ends, however that is."""
    try:
        for name in _SIGNALS:
            signal.signal(getattr(signal, name), signal.SIG_IGN)
        # All else is closed: it may be a pipe whose reader waits for its end.
        for place, number in enumerate((text, orders, err, answers)):
            os.dup2(number, place)
        os.closerange(4, os.sysconf("SC_OPEN_MAX"))
        _relaying()
    finally:
        os._exit(0)


def _relaying() -> None:
    """Read text (0) and orders (1), print (2) and answer (3)."""
    os.set_blocking(0, False)
    kept, shows, read = b"", False, [0, 1]
    while True:
        ready, _, _ = select.select(read, [], [])
        # Orders first: what was written before them is in the pipe.
        orders = os.read(1, 64) if 1 in ready else None
        with suppress(BlockingIOError):
            text = os.read(0, PIPE_BYTES)
            if not text and 0 in read:
                read.remove(0)  # nobody can write there any more
            if shows:
                _print(text)
            else:
                kept = (kept + text)[-KEPT_BYTES:]
        if orders is None:
            continue
        if (SHOW in orders or not orders) and not shows:
            shows = True
            if kept:
                _print(TITLE + _whole_lines(kept))
        if answered := orders.count(ANSWER):
            os.write(3, ANSWER * answered)
        if FORGET in orders or not orders:
            return


def _whole_lines(text: bytes) -> bytes:
    """Return text without the rest of a line at its start, and with the end of one at its end."""
    if len(text) == KEPT_BYTES:
        text = text.partition(b"\n")[2] or text
    return text if text.endswith(b"\n") else text + b"\n"


def _print(text: bytes) -> None:
    """Print text on the real standard error, which may be slow, closed or full."""
    while text:
        try:
            text = text[os.write(2, text) :]
        except BlockingIOError:
            select.select([], [2], [])
        except OSError:
            return
