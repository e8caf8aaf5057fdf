"""`tell_unrecorded`: saturated values of programs that nobody records are told, too.

A Relax VM runs the programs of a library without this package's doing. The runtime then calls
`tell_unrecorded` with the layers of which more values saturated than are allowed.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import local
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eie_backend.errors import SaturationWarning
from eie_backend.simulator.not_finite import count, only_bad, outside
from eie_backend.simulator.saturation import Saturated, warning_of


class _Calls(local):
    """What this thread is doing: within how many `untold` blocks, and for which model inputs."""

    untold = 0
    inputs: Sequence[NDArray[Any]] = ()


_calls = _Calls()

_once: dict[tuple[str, int, tuple[str, ...]], tuple[Any, ...]] = {}
"""Places that were told of layers and need not be again, with Python's filters that say so."""


def tell_unrecorded(layers: Sequence[str], counts: Sequence[int]) -> None:
    """Warn of the layers of a program, at the line outside eie and TVM that made the call.

    Python's filters tell equal texts of a place apart by nothing else, and these texts have
    numbers: where the filters say once for a place, it is once for the place and the layers.

    Parameters
    ----------
    layers : sequence of str
        Names.
    counts : sequence of int
        Of each layer in turn: saturated inputs, sums and results, and values written.
    """
    if _calls.untold or only_bad(count({str(n): one for n, one in enumerate(_calls.inputs)})):
        return
    rows = np.reshape([int(number) for number in counts], (-1, 4)).tolist()
    many = [Saturated(str(name), *row) for name, row in zip(layers, rows, strict=True)]
    frame = sys._getframe(outside() - 1)
    place = frame.f_code.co_filename, frame.f_lineno, tuple(one.layer for one in many)
    filters = tuple(warnings.filters)
    if _once.get(place) == filters:
        return
    warning = warning_of(many)
    warnings.warn(warning, stacklevel=outside())
    told = frame.f_globals.get("__warningregistry__", {})
    if (str(warning), SaturationWarning, frame.f_lineno) in told:
        _once[place] = filters


@contextmanager
def untold() -> Iterator[None]:
    """Tell of nothing that this thread runs inside the ``with`` block: it is not a user's call."""
    _calls.untold += 1
    try:
        yield
    finally:
        _calls.untold -= 1


@contextmanager
def of_inputs(inputs: Sequence[NDArray[Any]]) -> Iterator[None]:
    """Tell of nothing if these inputs of the model are not all finite: of those, `tell` warns."""
    before, _calls.inputs = _calls.inputs, inputs
    try:
        yield
    finally:
        _calls.inputs = before
