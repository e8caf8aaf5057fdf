"""What a dense layer must satisfy to run on the machine.

Each constraint's docstring, filled with the layer's and the machine's live values, is the message
that users read when a layer stays on the host.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from tvm import IRModule, relax
from tvm.tirx import IntImm

from eie_backend.config import HardwareConfig
from eie_backend.machine.codebook import nonzero_values
from eie_backend.transform.attributes import attributes
from eie_backend.transform.convolution import Convolution, is_convolution
from eie_backend.transform.convolution_constraints import CONVOLUTION_CONSTRAINTS
from eie_backend.transform.layers import (
    constant_weights,
    is_constant_matrix,
    layer_bindings,
    matmuls_by_layer,
    products_of_results,
)


@dataclass(frozen=True)
class Candidate:
    """A matmul and the machine that should run it, with the values that messages quote.

    `on_host` says whether a recipe keeps it there.
    """

    name: str
    matmul: relax.Call
    config: HardwareConfig
    on_host: bool = False

    @property
    def shape(self) -> str:
        """Shape of the result, dynamic dimensions by name."""
        shape = self.matmul.ty.shape
        if shape is None:
            return "unknown"
        extents = (str(int(d)) if isinstance(d, (int, IntImm)) else str(d) for d in shape.values)
        return f"({', '.join(extents)})"

    @property
    def dtypes(self) -> str:
        """Dtypes of both operands."""
        return " x ".join(str(arg.ty.dtype) for arg in self.matmul.args)

    @property
    def values(self) -> int:
        """Distinct non-zero weights."""
        weights = constant_weights(self.matmul)
        assert weights is not None
        return nonzero_values(weights).size

    @property
    def max_values(self) -> int:
        """Weights that the codebook shares, 0.0 not counted."""
        return self.config.codebook_entries - 1

    @property
    def act_rows(self) -> int:
        """Rows of the activation SRAM that the layer's input and output take."""
        weights = constant_weights(self.matmul)
        assert weights is not None
        return sum(-(-size // self.config.num_pe) for size in weights.shape)


def left_to_machine(layer: Candidate) -> bool:
    """the recipe keeps it on the host"""
    return not layer.on_host


def constant_matrix(layer: Candidate) -> bool:
    """its weights are not a constant matrix; export the model with weights as initializers"""
    return is_constant_matrix(layer.matmul.args[1])


def float32_operands(layer: Candidate) -> bool:
    """its operands are {layer.dtypes}; the machine takes float32 x float32"""
    return layer.dtypes == "float32 x float32"


def static_shape(layer: Candidate) -> bool:
    """its result has shape {layer.shape}; bind every dimension to a number"""
    shape = layer.matmul.ty.shape
    return shape is not None and all(isinstance(d, (int, IntImm)) for d in shape.values)


def few_values(layer: Candidate) -> bool:
    """it has {layer.values} different weights; the codebook shares {layer.max_values}: compress
    it with bits={layer.config.codebook_bits} or fewer
    """
    weights = constant_weights(layer.matmul)
    assert weights is not None
    return fits_codebook(weights, layer.config)


def fits_act_sram(layer: Candidate) -> bool:
    """its input and output take {layer.act_rows} rows of activation SRAM; a PE has
    {layer.config.act_rows}: raise num_pe or act_sram_bytes
    """
    return layer.act_rows <= layer.config.act_rows


CONSTRAINTS: tuple[Callable[[Candidate], bool], ...] = (
    left_to_machine,
    constant_matrix,
    float32_operands,
    static_shape,
    fits_act_sram,
    few_values,
)
"""Checked in order; the first that fails is reported. Sharing weights helps the last alone."""

UNSHARED = tuple(constraint for constraint in CONSTRAINTS if constraint is not few_values)
"""Those that sharing weights does not help."""


Layer = TypeVar("Layer")


def why_not(
    layer: Layer,
    constraints: Sequence[Callable[[Layer], bool]] = CONSTRAINTS,  # type: ignore[assignment]
) -> str | None:
    """Return why the machine cannot run the layer, or None if it can."""
    for constraint in constraints:
        if not constraint(layer):
            text = " ".join((constraint.__doc__ or "").split())
            return text.format(layer=layer)
    return None


def fits_codebook(weights: NDArray[np.float32], config: HardwareConfig) -> bool:
    """Return whether weights have few enough values as they are.

    They may have been pruned, clustered or palettised by any tool; they are never clustered again.
    """
    limit = config.codebook_entries - 1
    return nonzero_values(weights, at_most=limit).size <= limit


def layer_reasons(
    mod: IRModule, config: HardwareConfig, names: Container[str] | None = None
) -> Iterator[tuple[str, str | None]]:
    """Yield each layer of a module, and why it stays on the host; None if it does not.

    Matmuls with the same weights are one layer; those of two results are none.

    Parameters
    ----------
    mod : IRModule
        A module in dense form, compressed or not: its convolutions are those that stay.
    config : HardwareConfig
        The machine.
    names : container of str, optional
        The only layers that are asked for.
    """
    on_host = attributes(mod).on_host
    first_uses = {uses[0].binding.var for uses in matmuls_by_layer(mod)}
    first_uses -= products_of_results(mod)
    for binding, _ in layer_bindings(mod):
        name, value = binding.var.name, binding.value
        if names is not None and name not in names:
            continue
        if is_convolution(value):
            layer = Convolution(name, value, name in on_host)
            yield name, why_not(layer, CONVOLUTION_CONSTRAINTS)
        elif binding.var in first_uses:
            yield name, why_not(Candidate(name, value, config, name in on_host))
