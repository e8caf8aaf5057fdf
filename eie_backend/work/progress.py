"""Long work tells whoever watches how far it is; without a watcher, nothing happens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")
Watcher = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""

_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


@contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Let a function watch the work inside the ``with`` block."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


def watched(what: str, items: Iterable[T], size: Callable[[T], int]) -> Iterator[T]:
    """Yield `items`, whose shares of the work are as their sizes, and tell of each that is done.

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
