"""`NotFinite`: how many values of an input are NaN or infinite, and how users learn of it.

Such inputs run: ``docs/concepts.md`` says what the machine makes of them. Nobody means a NaN, so
whoever hands inputs in is told, once for a call, by a `NotFiniteWarning`, or refused if asked to.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eie_backend.errors import InputError, NotFiniteWarning

PACKAGES = (__name__.partition(".")[0], "tvm", "tvm_ffi")


class NotFinite(NamedTuple):
    """Values of an input: those that are NaN, those that are infinite, and all."""

    nan: int
    infinite: int
    values: int

    def __str__(self) -> str:
        kinds = {"NaN": self.nan, "infinite": self.infinite}
        some = " and ".join(f"{number:,} {kind}" for kind, number in kinds.items() if number)
        return f"{some or 'none'} of {self.values:,} values"


Counts = Mapping[str, NotFinite]
"""By input."""


def count(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NotFinite]:
    """Count values by input; integers, texts and the like are finite."""
    return {name: _count(values) for name, values in arrays.items()}


def add(counts: Counts, more: Counts) -> dict[str, NotFinite]:
    """Return the sums of two counts of the same inputs."""
    none = NotFinite(0, 0, 0)
    return {
        name: NotFinite(*map(sum, zip(counts.get(name, none), more.get(name, none), strict=True)))
        for name in {**counts, **more}
    }


def only_bad(counts: Counts) -> dict[str, NotFinite]:
    """Return the counts of the inputs with values that are not finite."""
    return {name: one for name, one in counts.items() if one.nan or one.infinite}


def sentence(counts: Counts) -> str:
    """Return the counts in words, for example ``input x: 3 NaN of 192 values``."""
    return "; ".join(f"input {name}".strip() + f": {one}" for name, one in counts.items())


def rows(counts: Counts) -> list[dict[str, Any]]:
    """Return the counts as plain data: input, nan, infinite and values of each."""
    return [{"input": name, **one._asdict()} for name, one in counts.items()]


def refuse(counts: Counts) -> None:
    """Do nothing if all values are finite.

    Raises
    ------
    InputError
        If some are not.
    """
    if bad := only_bad(counts):
        raise InputError(f"{sentence(bad)}; correct the data: strict inputs are finite")


def tell(counts: Counts, strict: bool = False) -> None:
    """Warn of values that are not finite, at the caller's line outside this package.

    Raises
    ------
    InputError
        With `strict`, instead of a warning.
    """
    if strict:
        refuse(counts)
    if bad := only_bad(counts):
        message = (
            f"{sentence(bad)}; correct the data, or see in docs/concepts.md what becomes of it"
        )
        warnings.warn(NotFiniteWarning(message, rows(bad)), stacklevel=outside())


def _count(values: NDArray[Any]) -> NotFinite:
    if values.dtype.kind not in "fcV" or not values.size:  # V: bfloat16 and its kind
        return NotFinite(0, 0, values.size)
    if values.dtype.kind == "f":
        # NaN stays in both: nearly always this is all, and takes no memory.
        with np.errstate(invalid="ignore"):
            if np.isfinite(values.min()) and np.isfinite(values.max()):
                return NotFinite(0, 0, values.size)
    nan, infinite = (int(np.count_nonzero(test(values))) for test in (np.isnan, np.isinf))
    return NotFinite(nan, infinite, values.size)


def outside() -> int:
    """Return the `stacklevel` of the first caller outside eie and TVM, for the caller of this."""
    frame, level = sys._getframe(1), 1
    while frame.f_back and str(frame.f_globals.get("__name__")).partition(".")[0] in PACKAGES:
        frame, level = frame.f_back, level + 1
    return level
