"""`ByteReader`: a bounds-checked cursor over untrusted bytes, little-endian."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from eie_backend.errors import ImageError

T = TypeVar("T")


class ByteReader:
    """Reads `data` from byte `at` up to byte `end`; all its faults are an `ImageError`."""

    def __init__(self, data: bytes, at: int = 0, end: int | None = None) -> None:
        self._data, self._at, self._end = data, at, len(data) if end is None else end

    def take(self, size: int) -> bytes:
        """Read the next `size` bytes."""
        return self._data[self._skip(size) : self._at]

    def part(self, size: int) -> ByteReader:
        """Read the next `size` bytes by a reader of their own."""
        return ByteReader(self._data, self._skip(size), self._at)

    def _skip(self, size: int) -> int:
        if size > self._end - self._at:
            raise ImageError(
                f"truncated at byte {self._at}: {size} more bytes expected, "
                f"{self._end - self._at} left"
            )
        self._at += size
        return self._at - size

    def u32(self) -> int:
        """Read a number of 4 bytes."""
        return int.from_bytes(self.take(4), "little")

    def words(self, count: int) -> list[int]:
        """Read `count` numbers of 4 bytes each."""
        found: list[int] = np.frombuffer(self.take(4 * count), "<u4").tolist()
        return found

    def text(self) -> str:
        """Read a length and that many bytes of UTF-8."""
        return self.take(self.u32()).decode("utf-8")

    def table(self, item: Callable[[], T]) -> tuple[T, ...]:
        """Read a count and that many items."""
        return tuple(item() for _ in range(self.u32()))

    def at_end(self) -> bool:
        """Return whether all has been read."""
        return self._at == self._end

    def view(self) -> memoryview:
        """Return what is left, without reading it."""
        return memoryview(self._data)[self._at : self._end]

    def rest(self) -> bytes:
        """Read all bytes up to the end."""
        return self.take(self._end - self._at)

    def records(self) -> Iterator[ByteReader]:
        """Read records up to the end, each by a reader of its own."""
        while not self.at_end():
            yield self.record()

    def record(self) -> ByteReader:
        """Read a length, and so many bytes by a reader of their own: a record."""
        return self.part(self.u32())

    def fields(self, what: str, names: Sequence[str], appended: Sequence[int] = ()) -> list[int]:
        """Read the fields with which a record begins: their count and a number for each.

        Parameters
        ----------
        what : str
            What the record holds, for messages.
        names : sequence of str
            The fields that this release knows, in order.
        appended : sequence of int
            The values of the last of them where they are absent: those of the machine before them.
        """
        count, fewest = self.u32(), len(names) - len(appended)
        if count > len(names):
            raise ImageError(
                f"a {what} of {count} fields, this release knows {len(names)}; use the release "
                "that wrote them, or a newer one"
            )
        if count < fewest:
            raise ImageError(f"a {what} of {count} fields, it has at least {fewest}")
        return [*self.words(count), *appended[count - fewest :]]

    def finish(self, what: str) -> None:
        """Raise `ImageError` unless all has been read."""
        if not self.at_end():
            raise ImageError(f"{self._end - self._at} bytes follow {what} at byte {self._at}")


def flag(name: str, value: int) -> bool:
    """Return a number that is 0 or 1 as what it says."""
    if value > 1:
        raise ImageError(f"{name} = {value}, allowed is 0..1")
    return bool(value)
