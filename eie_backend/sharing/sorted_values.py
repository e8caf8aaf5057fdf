"""`SortedValues`: sorted values, with the squared error of any range in constant time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STRIDE = 64
"""Number of values between stored prefix sums."""

CHUNK = 1 << 10
"""Strides that are summed at a time."""

Places = NDArray[np.int64]


class SortedValues:
    """Sorted float32 values (n,), with their prefix sums at any position 0..n.

    Sums are relative to a middle value, so that an error keeps its precision where all values are
    large and similar.
    """

    def __init__(self, values: NDArray[np.float32]) -> None:
        self.values = values
        self.origin = float(values[values.size // 2])
        strides = values.size // STRIDE
        self.sums, self.squares = np.zeros((2, strides + 1))
        for start in range(0, strides, CHUNK):
            stop = min(start + CHUNK, strides)
            part = self._centred(values[start * STRIDE : stop * STRIDE]).reshape(-1, STRIDE)
            self.sums[start + 1 : stop + 1] = part.sum(axis=1)
            self.squares[start + 1 : stop + 1] = np.square(part, out=part).sum(axis=1)
        np.cumsum(self.sums, out=self.sums)
        np.cumsum(self.squares, out=self.squares)

    def sums_to(self, places: Places) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return prefix sums at the positions, of values relative to the origin, and of squares."""
        stride, rest = np.divmod(places, STRIDE)
        lane = np.arange(STRIDE)
        near = np.minimum(stride[:, None] * STRIDE + lane, self.values.size - 1)
        tail = self._centred(self.values[near]) * (lane < rest[:, None])
        return self.sums[stride] + tail.sum(1), self.squares[stride] + np.square(tail).sum(1)

    def error(self, cuts: Places) -> float:
        """Return the squared error of the clusters between cuts; the cuts include 0 and n."""
        sums, squares = (np.diff(of) for of in self.sums_to(cuts))
        return float(np.sum(squared_error(np.diff(cuts), sums, squares)))

    def means(self, cuts: Places) -> NDArray[np.float64]:
        """Return the mean of each cluster; for an empty cluster, the value at its position.

        A mean lies within its cluster, however the prefix sums were rounded.
        """
        sizes = np.diff(cuts)
        first = self.values[np.minimum(cuts[:-1], self.values.size - 1)]
        last = self.values[np.maximum(cuts[1:] - 1, 0)]
        mean = np.diff(self.sums_to(cuts)[0]) / np.maximum(sizes, 1) + self.origin
        return np.where(sizes > 0, np.clip(mean, first, last), first)

    def _centred(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        wide: NDArray[np.float64] = values.astype(np.float64)
        wide -= self.origin
        return wide


def squared_error(
    size: Places, total: NDArray[np.float64], squares: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the squared error around the mean, from the sum and the sum of squares."""
    error: NDArray[np.float64] = squares - total**2 / np.maximum(size, 1)
    return np.maximum(error, 0.0)
