"""Layers that benchmarks run: Alex-8 as its authors published it, and random ones of a size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eie_backend import EncodedMatrix, HardwareConfig, encode

TABLE_III = {
    "Alex-6": (9216, 4096, 0.09, 0.351),
    "Alex-7": (4096, 4096, 0.09, 0.353),
    "Alex-8": (4096, 1000, 0.25, 0.375),
    "VGG-6": (25088, 4096, 0.04, 0.183),
    "VGG-7": (4096, 4096, 0.04, 0.375),
    "VGG-8": (4096, 1000, 0.23, 0.411),
    "NT-We": (4096, 600, 0.10, 1.0),
    "NT-Wd": (600, 8791, 0.11, 1.0),
    "NT-LSTM": (1201, 2400, 0.10, 1.0),
}
"""The EIE paper's nine layers: inputs, outputs, density of weights and of inputs (Table III)."""

ALEX8 = Path(__file__).parents[2] / "shared" / "data" / "alex8" / "alex8.npz"


@dataclass(frozen=True, eq=False)
class Layer:
    """Codes, their values and encoding, an input and, if known, the exact output."""

    codes: NDArray[np.uint8]
    codebook: NDArray[np.float32]
    encoded: EncodedMatrix
    x: NDArray[np.float32]
    expected: NDArray[np.float32] | None = None


def alex8(path: str | Path = ALEX8) -> Layer:
    """Return the last layer of AlexNet, compressed, with a real input."""
    with np.load(path, allow_pickle=False) as data:
        codes, codebook, bias = data["codes"], data["codebook"], data["bias_codes"]
        encoded = encode(codes, codebook, HardwareConfig(), bias)
        return Layer(codes, codebook, encoded, data["activations"], data["output_float32"])


def random_layer(cols: int, rows: int, density: float, active: float, seed: int) -> Layer:
    """Return a layer of `rows` outputs and `cols` inputs, weights and input thinned at random."""
    rng = np.random.default_rng(seed)
    kept = rng.random((rows, cols), np.float32) < density
    codes = rng.integers(1, 16, (rows, cols), np.uint8) * kept
    codebook = np.append(0, rng.normal(size=15)).astype(np.float32)
    x = rng.normal(size=cols) * (rng.random(cols) < active)
    encoded = encode(codes, codebook, HardwareConfig())
    return Layer(codes, codebook, encoded, x.astype(np.float32))
