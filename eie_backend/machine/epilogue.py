"""`Epilogue`: what `write_back` does to the sums of a layer before it rounds and stores them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MAX_FIXED_WORD = (1 << 31) - 1
MAX_FLOAT_WORD = 0x7F7FFFFF
"""Largest finite float32; bits of positive numbers are in the order of the numbers."""


class Epilogue(ABC):
    """An activation function of the machine, in files of ``eie_backend/epilogues/``.

    Attributes
    ----------
    name : str
        As in composites and images' text.
    number : int
        The value of the operand `epilogue` of ``write_back``; it never changes.
    formula : str
        What becomes of a sum x.
    parameter : str
        What the parameter is, "" if there is none; its word is not negative.
    highest_words : tuple of two ints
        Largest parameter word in fixed point, and in float32, where it is a float's bits.
    multiplies : int
        Products per value, each charged as one of the arithmetic unit's multiplier.
    operators : tuple of str
        Relax operators that are this epilogue where the machine takes their arguments. The first
        is the one that composite functions hold.
    when : str
        When these operators join a layer, for the page of supported operators.
    source : str
        Paper section, or "design choice".
    """

    name: str
    number: int
    formula: str
    parameter: str = ""
    highest_words: tuple[int, int] = (0, 0)
    multiplies: int = 0
    operators: tuple[str, ...] = ()
    when: str = ""
    source: str

    @abstractmethod
    def execute(self, sums: NDArray[Any], word: int) -> NDArray[Any]:
        """Return what becomes of float32 or int64 sums, as an array of their dtype."""

    @abstractmethod
    def tir(self, builder: Any, value: Any, parameter: float) -> Any:
        """Return the TIR expression of a float32 value; `builder` is TVM's ``T``."""

    @abstractmethod
    def pattern(self, layer: Any) -> Any:
        """Return the Relax pattern of the first operator on what matches `layer`."""

    def read(self, call: Any) -> float | str:
        """Return the parameter of a call of one of `operators`, or why the machine takes none."""
        return 0.0

    def canonical(self, call: Any, value_of: Any) -> Any:
        """Return the call of the first operator that equals `call`, or None if none does.

        `value_of` returns the value that a variable is bound to, and other expressions as they are.
        """
        return None

    def fixed_word(self, parameter: float, frac_bits: int) -> int:
        """Return the parameter's word if sums have so many fractional bits."""
        return 0

    def largest(self, largest_sum: float, parameter: float) -> float:
        """Return the largest magnitude that values up to `largest_sum` can have afterwards."""
        return largest_sum


class Applied(NamedTuple):
    """An epilogue with its parameter, a real number."""

    epilogue: Epilogue
    parameter: float = 0.0

    def word(self, frac_bits: int | None) -> int:
        """Return the parameter's word for sums with so many fractional bits; None: float32."""
        if frac_bits is None:
            return int(np.float32(self.parameter).view(np.int32))
        return self.epilogue.fixed_word(self.parameter, frac_bits)

    def of_floats(self, sums: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what becomes of float32 sums."""
        return self.epilogue.execute(sums, self.word(None))


def float_of(word: int) -> np.float32:
    """Return the float32 with these bits."""
    return np.uint32(word).view(np.float32)
