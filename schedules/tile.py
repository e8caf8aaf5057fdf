"""Cut a dense kernel into tiles that fit the machine's registers and SRAM."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from tvm.tirx import PrimFunc

from eie_backend.config import HardwareConfig
from eie_backend.errors import ModelError
from eie_backend.schedules.kernel import DenseShape, Span, Tiles, dense_kernel
from eie_backend.transform.epilogues import kernel_epilogue


def tile(func: PrimFunc, tiles: Tiles) -> PrimFunc:
    """Split the outputs and the inputs of a dense kernel.

    Before -> after, for two output blocks, the first of two input blocks, the second of one::

        for sample:                    for sample:
          acc[0:N] = b                   acc = b[0:n]
          acc += x @ w                   acc += x[0:k] @ w[0:k, 0:n]
          y = relu(acc)             ->   acc += x[k:K] @ w[k:K, 0:n]
                                         y[0:n] = relu(acc)
                                         acc = b[n:N]
                                         acc += x @ w[:, n:N]
                                         y[n:N] = relu(acc)

    Partial sums stay in the destination registers over the input blocks, and the order of
    summation does not change, so the results are equal bit for bit. This includes saturation,
    which happens at every addition and does not depend on the tiles.

    Parameters
    ----------
    func : PrimFunc
        A kernel of `eie_backend.schedules.kernel.dense_kernel`.
    tiles : Tiles
        Output blocks, each with its input blocks, in order, covering the layer.
    """
    *operands, output = func.params
    batch, outputs = (int(extent) for extent in output.shape)
    has_bias = len(operands) > 2
    inputs = int(operands[0].shape[1])
    shape = DenseShape(batch, outputs, inputs, has_bias, kernel_epilogue(func))
    tiled = dense_kernel(func.attrs["global_symbol"], shape, tiles)
    return tiled.with_attrs(dict(func.attrs.items()))


def choose_tiles(
    outputs: int,
    inputs: int,
    config: HardwareConfig,
    lengths: Callable[[Span], NDArray[np.integer]],
) -> list[tuple[Span, list[Span]]]:
    """Return the tiling with the fewest tiles that fit the machine.

    Output blocks are as large as the destination registers, because each output block scans all
    activations again. Within an output block, an input block takes as many whole rows of `num_pe`
    activations as the source registers, the pointer SRAM and, in the fullest PE, the weight SRAM
    and the pointer width allow. This greedy choice is minimal: a larger block never relaxes these
    limits, so the first n blocks reach at least as far as the first n blocks of any other tiling.

    Parameters
    ----------
    outputs, inputs : int
        Size of the layer.
    config : HardwareConfig
        The machine.
    lengths : callable
        Function of an output block that returns the number of entries, paddings included, that each
        PE stores per column, shape (num_pe, columns). A column after the inputs is the bias column;
        it belongs to the last tile of its output block.

    Returns
    -------
    list of (output block, list of input blocks)

    Raises
    ------
    ModelError
        If a single row of activations does not fit.
    """
    rows = [
        (start, min(start + config.block_values, outputs))
        for start in range(0, outputs, config.block_values)
    ]
    return [(span, _cut_inputs(inputs, lengths(span), config)) for span in rows]


def _cut_inputs(inputs: int, lengths: NDArray[np.integer], config: HardwareConfig) -> list[Span]:
    starts = np.arange(0, inputs, config.num_pe)
    columns = np.append(starts, lengths.shape[1])
    entries = np.zeros((config.num_pe, columns.size), np.int64)
    np.cumsum(np.add.reduceat(lengths, starts, axis=1), axis=1, out=entries[:, 1:])
    spans: list[Span] = []
    row = 0
    while row < starts.size:
        stops = slice(row + 1, row + 1 + config.act_registers)
        used = (entries[:, stops] - entries[:, row, None]).max(axis=0)
        fits = used <= config.matrix_entries
        fits &= columns[stops] - columns[row] <= config.matrix_columns
        if not fits[0]:
            raise ModelError(
                f"no tile of {config.num_pe} inputs fits: a PE has {config.ptr_sram_bytes} bytes "
                f"of pointer SRAM and reaches {config.matrix_entries} entries; enlarge "
                "ptr_sram_bytes, spmat_sram_bytes or num_pe"
            )
        stop = row + int(np.count_nonzero(fits))
        spans.append((row * config.num_pe, min(stop * config.num_pe, inputs)))
        row = stop
    return spans
