"""`fewest_tiles`: the compiler's own schedule; a schedule of yours has the same signature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from tvm.tirx import PrimFunc

from eie_backend.config import HardwareConfig
from eie_backend.machine.encoding import slice_lengths
from eie_backend.schedules.kernel import Span
from eie_backend.schedules.tensorize import tensorize
from eie_backend.schedules.tile import choose_tiles, tile


@dataclass(frozen=True, eq=False)
class KernelLayer:
    """What a schedule may know of a layer, beside its kernel.

    Attributes
    ----------
    name : str
        The layer.
    weights : ndarray, shape (outputs, inputs)
        Compressed weights, float32, or their codes.
    column : ndarray, shape (outputs,), uint8, or None
        Codes of the bias column, if biases are a column of the matrix.
    config : HardwareConfig
        The machine.
    """

    name: str
    weights: NDArray[np.generic]
    column: NDArray[np.uint8] | None
    config: HardwareConfig

    def lengths(self, rows: Span) -> NDArray[np.int64]:
        """Return how many entries, paddings included, each PE stores per column of some outputs.

        The shape is (num_pe, columns). A column after the inputs is the bias column; it belongs to
        the last tile of its output block.
        """
        of_inputs = slice_lengths(self.weights[slice(*rows)], self.config)
        if self.column is None:
            return of_inputs
        of_bias = slice_lengths(self.column[slice(*rows), None], self.config)
        return np.hstack([of_inputs, of_bias])


KernelSchedule: TypeAlias = Callable[[PrimFunc, KernelLayer], PrimFunc]
"""``schedule(kernel, layer)`` returns the kernel in tiles that fit the machine, as intrinsics."""


def fewest_tiles(kernel: PrimFunc, layer: KernelLayer) -> PrimFunc:
    """Return a kernel in the fewest tiles that fit the machine, tensorized.

    Parameters
    ----------
    kernel : PrimFunc
        The plain loop nest of a layer, by `dense_kernel`.
    layer : KernelLayer
        The layer.
    """
    outputs, inputs = layer.weights.shape
    return tensorize(tile(kernel, choose_tiles(outputs, inputs, layer.config, layer.lengths)))
