"""What is wrong with constant indices and divisors, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray


def outside(values: NDArray[np.generic], low: Sequence[int], high: Sequence[int]) -> Iterator[str]:
    """Yield the first value that is not in its range; NaN is in none."""
    lows, highs = (np.asarray(side) for side in (low, high))
    wrong = np.argwhere(~((values >= lows) & (values <= highs)))
    if wrong.shape[0]:
        at = tuple(map(int, wrong[0]))
        place = at[-1] if len(low) > 1 else 0
        yield f"index {values[at]} at {_text(at)} is outside {low[place]}..{high[place]}"


def zeros(values: NDArray[np.generic]) -> Iterator[str]:
    """Yield the first divisor that is 0."""
    if (wrong := np.argwhere(values == 0)).shape[0]:
        yield f"divisor 0 at {_text(tuple(map(int, wrong[0])))}; an integer has no quotient by 0"


def lowest(dividend: NDArray[np.signedinteger], divisor: NDArray[np.generic]) -> Iterator[str]:
    """Yield that the lowest integer is divided by -1, whose quotient no integer is."""
    least = np.iinfo(dividend.dtype).min
    if np.any((dividend == least) & (divisor == -1)):
        yield f"{least} divided by -1 is no {dividend.dtype}"


def _text(at: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, at))})"
