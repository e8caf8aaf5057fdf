"""`Context`: what a pass over an ONNX graph knows beside the model."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass


@dataclass(frozen=True)
class Context:
    """What is not in the model.

    Attributes
    ----------
    weights : set of str
        Inputs of the graph that are weights: their values are read from the file later.
    foreign : set of str
        Operators that somebody registered a converter of: ONNX may not know what they do.
    """

    weights: AbstractSet[str] = frozenset()
    foreign: AbstractSet[str] = frozenset()
