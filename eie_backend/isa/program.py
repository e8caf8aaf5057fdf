"""`Program`: what an image contains and the machine executes, as plain Python data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from eie_backend.config import HardwareConfig
from eie_backend.encoding import EncodedMatrix

Arithmetic = Literal["float32", "int16", "int8", "int32"]
ARITHMETICS: tuple[Arithmetic, ...] = ("float32", "int16", "int8", "int32")
"""Arithmetics by their number in an image; a new one goes to the end.

Any of them goes with accumulators of 16 and of 32 bits; float32 sums in float32 whatever they are.
"""


RECORD = ("graph", "weights")
"""Entries of a manifest that only reports read; see ``model_record.py``."""


def value_bits(arithmetic: Arithmetic) -> int:
    """Return the bits of an activation and of an expanded weight.

    Examples
    --------
    >>> value_bits("int8"), value_bits("float32")
    (8, 32)
    """
    return int(arithmetic.removeprefix("float").removeprefix("int"))


@dataclass(frozen=True)
class Step:
    """One instruction with its operands and the number of its source layer."""

    instruction: str
    operands: Mapping[str, int]
    layer: int


@dataclass(frozen=True, eq=False)
class Program:
    """A compiled chain of layers for one machine.

    Attributes
    ----------
    symbol : str
        Name under which the host calls the program.
    config : HardwareConfig
        The machine that it was compiled for.
    arithmetic : {"float32", "int16", "int8", "int32"}
        How values are computed; codebooks and biases are stored accordingly.
    inputs, outputs : int
        Values of one sample on the host's side; several tensors count one after the other.
    layers : tuple of str
        Names of the source layers, by number.
    matrices : tuple of EncodedMatrix
        Weight tiles, by number.
    biases : tuple of ndarray, float32 or int32
        Bias vectors in the format of the destination registers, by number.
    setup : tuple of Step
        Loads the weights that stay while the program runs: executed once when it is loaded.
    steps : tuple of Step
        Executed for every sample.
    manifest : mapping of str to str
        Hashes and versions of what the program was made from.
    setup_per_call : bool
        Whether setup is executed at the start of every call instead, because programs that take
        turns on the machine do not fit it together.
    """

    symbol: str
    config: HardwareConfig
    arithmetic: Arithmetic
    inputs: int
    outputs: int
    layers: tuple[str, ...]
    matrices: tuple[EncodedMatrix, ...]
    biases: tuple[NDArray[np.generic], ...]
    setup: tuple[Step, ...]
    steps: tuple[Step, ...]
    manifest: Mapping[str, str] = field(default_factory=dict)
    setup_per_call: bool = False

    def __repr__(self) -> str:
        return (
            f"<Program {len(self.layers)} layers, {len(self.steps)} steps, "
            f"{self.config.num_pe} PEs, {self.arithmetic}>"
        )

    def _repr_html_(self) -> str:
        from eie_backend.displays import of_program

        return of_program(self)
