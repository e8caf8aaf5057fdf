"""`MachineState`: the reference machine on which the instructions' meanings execute (NumPy).

It models values and saturations, not time. Integers are int64, so that no value wraps before its
saturation; float32 is rounded after every operation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eie_backend.config import HardwareConfig
from eie_backend.isa.program import Program
from eie_backend.machine.numerics import value_bits


@dataclass
class MachineState:
    """Registers, activation SRAM and I/O buffers while one sample runs.

    Parameters
    ----------
    program : Program
        Supplies matrices, biases, arithmetic and the machine's sizes.
    input : ndarray, shape (inputs,), float32
        The host's input vector.

    Attributes
    ----------
    act : ndarray, shape (act_rows * P,)
        Activation SRAM; value i of a vector that starts at row r sits at ``r * P + i``.
    acc : ndarray, shape (act_registers * P,)
        Destination registers; value i belongs to PE ``i mod P``.
    loaded : set of int
        Matrices that are in the weight SRAM.
    """

    program: Program
    input: NDArray[np.float32]
    output: NDArray[np.float32] = field(init=False)
    act: NDArray[Any] = field(init=False)
    acc: NDArray[Any] = field(init=False)
    loaded: set[int] = field(default_factory=set)
    saturations: int = 0

    def __post_init__(self) -> None:
        dtype = np.float32 if self.is_float else np.int64
        self.output = np.zeros(self.program.outputs, np.float32)
        self.act = np.zeros(self.config.act_rows * self.config.num_pe, dtype)
        self.acc = np.zeros(self.config.block_values, dtype)

    @property
    def config(self) -> HardwareConfig:
        """The machine's sizes."""
        return self.program.config

    @property
    def is_float(self) -> bool:
        """Whether the program computes in float32."""
        return self.program.arithmetic == "float32"

    @property
    def value_bits(self) -> int:
        """Bits of an activation."""
        return value_bits(self.program.arithmetic)

    def saturate(self, values: NDArray[np.int64], bits: int) -> NDArray[np.int64]:
        """Clamp to signed `bits` and count the values that did not fit."""
        clamped = np.clip(values, -(1 << (bits - 1)), (1 << (bits - 1)) - 1)
        self.saturations += int(np.count_nonzero(clamped != values))
        return clamped
