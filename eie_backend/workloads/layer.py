"""`Layer`: a dense layer with shared weights and one input vector, and its `LayerShape`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eie_backend.config import HardwareConfig
from eie_backend.machine.encoding import EncodedMatrix, encode


@dataclass(frozen=True)
class LayerShape:
    """Sizes and densities of a layer.

    Attributes
    ----------
    name : str
    inputs, outputs : int
    weight_density, act_density : float
        Fractions of non-zero weights and inputs.
    """

    name: str
    inputs: int
    outputs: int
    weight_density: float
    act_density: float

    @property
    def nonzero_weights(self) -> int:
        """Number of non-zero weights."""
        return round(self.weight_density * self.inputs * self.outputs)

    @property
    def nonzero_acts(self) -> int:
        """Number of non-zero inputs."""
        return round(self.act_density * self.inputs)


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer that can be encoded and run.

    Attributes
    ----------
    name, origin : str
        `origin` is a short text on the source of weights and input.
    codes : ndarray, shape (outputs, inputs), uint8
        Codebook indices; 0 is a pruned weight.
    codebook : ndarray, shape (entries,), float32
        Shared weights; entry 0 is 0.
    activations : ndarray, shape (inputs,), float32
    bias_codes : ndarray, shape (outputs,), uint8, optional
        Codes of a bias column, fed by a constant 1.
    expected : ndarray, shape (outputs,), float32, optional
        The exact result in float32, if it was published.
    """

    name: str
    origin: str
    codes: NDArray[np.uint8]
    codebook: NDArray[np.float32]
    activations: NDArray[np.float32]
    bias_codes: NDArray[np.uint8] | None = None
    expected: NDArray[np.float32] | None = None

    @property
    def shape(self) -> LayerShape:
        """Sizes and actual densities of the layer."""
        outputs, inputs = self.codes.shape
        return LayerShape(
            self.name,
            inputs,
            outputs,
            np.count_nonzero(self.codes) / self.codes.size,
            np.count_nonzero(self.activations) / inputs,
        )

    def weights(self) -> NDArray[np.float32]:
        """Return the weights, shape (outputs, inputs), float32."""
        return self.codebook[self.codes]

    def encode(self, config: HardwareConfig) -> EncodedMatrix:
        """Return the layer in a machine's storage format."""
        return encode(self.codes, self.codebook, config, self.bias_codes)
