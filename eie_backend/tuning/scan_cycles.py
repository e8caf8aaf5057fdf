"""`scan_cycles`: a layer's simulated cycles, from its codes and its inputs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eie_backend.config import HardwareConfig
from eie_backend.lower.schedule import layer_tiles
from eie_backend.machine.encoding import encode
from eie_backend.simulator.simulation import simulate_batch


def scan_cycles(
    codes: NDArray[np.uint8],
    codebook: NDArray[np.float32],
    x: NDArray[np.float32],
    config: HardwareConfig,
    column: NDArray[np.uint8] | None = None,
) -> int:
    """Return the cycles of a layer for all inputs, summed over the compiler's tiles.

    Parameters
    ----------
    codes : ndarray, shape (outputs, inputs), uint8
        Codebook indices; 0 is a pruned weight.
    codebook : ndarray, float32
        Shared weights; entry 0 is 0.0. The values do not affect the cycles, only zeros do.
    x : ndarray, shape (samples, inputs), float32
        The layer's inputs.
    config : HardwareConfig
        The machine.
    column : ndarray, shape (outputs,), uint8, optional
        Codes of a bias column.
    """
    total = 0
    for row_span, col_spans in layer_tiles(codes, column, config):
        rows = slice(*row_span)
        for cols in (slice(*span) for span in col_spans):
            last = cols.stop == codes.shape[1]
            bias = column[rows] if column is not None and last else None
            encoded = encode(codes[rows, cols], codebook, config, bias)
            scans = simulate_batch(encoded, x[:, cols], config, "float32", values=False)
            total += sum(scan.cycles for scan in scans)
    return total
