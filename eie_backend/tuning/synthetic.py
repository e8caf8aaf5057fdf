"""`calibrate_synthetic`: number formats for a network of which nobody has given sample inputs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import IRModule

from eie_backend.host.network import HostNetwork
from eie_backend.machine.formats import SUM_HEADROOM, LayerRange
from eie_backend.transform.attributes import with_attributes
from eie_backend.transform.index_extents import index_extents
from eie_backend.transform.inputs import InputSpec, input_specs
from eie_backend.transform.layers import DenseLayer
from eie_backend.tuning.calibration import Ranges, has_branches

SYNTHETIC = "synthetic"
"""Note of formats that were chosen by synthetic inputs."""

SEED = 24

PAIRS = 8
"""Most pairs of calls: one with inputs around zero, one with their magnitudes."""

NOISE = 1e-3
"""Noise of a layer's sums, relative to its results, that room for larger inputs may cost."""

ACCUMULATED = 2**15 * math.sqrt(12) / (3 * SUM_HEADROOM)
"""Reciprocal of the noise of one rounded product in 16 bits, where the largest of the results, to
which the accumulator's range belongs, is three times their root mean square."""

ENOUGH = 32
"""Results of a layer whose largest tells its range: no more pairs where each layer has as many."""


def widened(seen: LayerRange, inputs: int, value_bits: int) -> LayerRange:
    """Return a range with room for inputs that are larger than the synthetic ones.

    Stored values have a quarter of their bits, less one, as room: 8 times in int16. A sum of
    products that are rounded to 16 bits loses with the root of its length, so it gets as much room
    as costs `NOISE`, beside the accumulator's own `SUM_HEADROOM`.

    Parameters
    ----------
    seen : LayerRange
        Largest magnitudes around a layer.
    inputs : int
        Products in a sum.
    value_bits : int
        Width of stored values.
    """
    stored = 2.0 ** (value_bits // 4 - 1)
    sums = min(max(NOISE * ACCUMULATED / math.sqrt(inputs), 1.0), stored)
    # Of an output that a ReLU cut to nothing, the sums tell the range.
    output = max(seen.output, seen.sum)
    return LayerRange(
        input=stored * seen.input,
        partial_sum=stored * seen.partial_sum,
        product=sums * seen.product,
        sum=sums * seen.sum,
        output=min(SUM_HEADROOM * sums, stored) * output,
    )


def calibrate_synthetic(mod: IRModule, layers: Sequence[DenseLayer], value_bits: int) -> IRModule:
    """Choose the ranges of a module's layers by inputs that are drawn.

    Parameters
    ----------
    mod : IRModule
        A module in dense form, already compressed.
    layers : sequence of DenseLayer
        Its layers.
    value_bits : int
        Width of the machine's values.

    Returns
    -------
    IRModule
        With a `widened` range for each layer that was reached. Others keep the assumption of
        `LayerRange`: those of a module with branches, or that fails on these inputs.

    Notes
    -----
    **Source**: design choice. Floats are drawn evenly from -1 to 1, then their magnitudes, as
    normalised inputs and images have them; integers from the rows of the table that they index,
    otherwise 0 or 1; always the same ones.
    """
    if has_branches(mod):
        return mod
    seen = Ranges(layers, finite=True)
    try:
        network = HostNetwork(mod, seen.observers)
        for pair in _drawn(input_specs(mod), index_extents(mod)):
            for inputs in pair:
                network(*inputs)
            if min(seen.outputs.values(), default=ENOUGH) >= ENOUGH:
                break
    except (RuntimeError, ValueError):
        pass  # inputs that the network refuses: what was seen before them counts
    ranges = {
        layer.name: widened(LayerRange(*found), layer.weights.shape[1], value_bits)
        for layer in layers
        if 0 < max(found := seen.found[layer.name]) < math.inf
    }
    return with_attributes(mod, calibration=ranges, formats=SYNTHETIC) if ranges else mod


def _drawn(
    specs: Sequence[InputSpec], extents: Mapping[str, int]
) -> Iterator[list[list[NDArray[Any]]]]:
    rng = np.random.default_rng(SEED)
    for _ in range(PAIRS):
        inputs = [_values(rng, spec, extents.get(spec.name, 2)) for spec in specs]
        yield [inputs, [np.abs(x) if x.dtype.kind == "f" else x for x in inputs]]


def _values(rng: np.random.Generator, spec: InputSpec, extent: int) -> NDArray[Any]:
    dtype = np.dtype(spec.dtype)
    if dtype.kind == "f":
        return rng.uniform(-1, 1, spec.shape).astype(dtype)
    return rng.integers(0, 2 if dtype.kind == "b" else extent, spec.shape).astype(dtype)
