"""Progress of long operations, reported to a watcher if there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")
Watcher = Callable[[str, int, int], None]
"""Callback with a description of the work, the amount done, and the total amount."""

_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


@contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Report the progress of work inside the ``with`` block to a function."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


def watched(what: str, items: Iterable[T], size: Callable[[T], int]) -> Iterator[T]:
    """Yield `items` and report progress after each; an item's amount of work is its size.

    Examples
    --------
    >>> with watching(print):
    ...     for name in watched("reading", ["a", "longer"], len):
    ...         pass
    reading 0 7
    reading 1 7
    reading 7 7
    """
    items = list(items)
    watcher = _watcher.get()
    done, total = 0, sum(map(size, items))
    for item in items:
        if watcher is not None:
            watcher(what, done, total)
        yield item
        done += size(item)
    if watcher is not None:
        watcher(what, done, total)
