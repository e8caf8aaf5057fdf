"""`verified_onnx`: hand a module on once it computes what its ONNX model computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from onnx import ModelProto
from onnx.helper import tensor_dtype_to_np_dtype
from tvm import IRModule

from eie_backend.frontend.blame import labelled
from eie_backend.frontend.onnx_file import LargeWeights
from eie_backend.frontend.onnx_operators import onnx_operators
from eie_backend.frontend.onnx_samples import extents
from eie_backend.frontend.onnx_source import OnnxSource
from eie_backend.transform.inputs import batches, check_inputs, input_specs
from eie_backend.verification.samples import generated
from eie_backend.verification.verified import not_compared, verified

Samples = ArrayLike | Mapping[str, ArrayLike]


@dataclass(frozen=True, eq=False)
class Given:
    """An ONNX model before anything was done to it, and what messages call it.

    `large` are weights that are not in it, `bound` values of inputs that the module does not have;
    `imported` imports a model of a single node.
    """

    label: str
    proto: ModelProto
    large: Sequence[LargeWeights]
    bound: Mapping[str, ArrayLike]
    imported: Callable[[ModelProto], IRModule]

    def known(self) -> dict[str, NDArray[Any]]:
        """Return the values of both, by name."""
        types = {value.name: value.type.tensor_type for value in self.proto.graph.input}
        bound = {
            name: np.asarray(value, tensor_dtype_to_np_dtype(types[name].elem_type))
            for name, value in self.bound.items()
        }
        return {**{one.name: one.load() for one in self.large}, **bound}


def verified_onnx(mod: IRModule, given: Given, samples: Samples | None = None) -> IRModule:
    """Compare a module with its model, and note what was compared in its attributes.

    Parameters
    ----------
    mod : IRModule
        What the model was imported as.
    given : Given
        The model.
    samples : array or mapping of str to array, optional
        Inputs, of which the first batch is taken; by default they are generated.

    Raises
    ------
    ModelError
        If values differ, with the first operator that deviates.
    InputError
        If the samples do not fit.
    """
    inputs = _inputs(mod, given, samples)
    constants = {tensor.name for tensor in given.proto.graph.initializer} | {*given.bound}
    constants |= {one.name for one in given.large}
    names = [v.name for v in given.proto.graph.input if v.name not in constants]
    source = OnnxSource(given.proto, given.known, names, given.imported)
    if source.random:
        return not_compared(mod, f"{', '.join(source.random)} is random")
    with labelled(given.label):
        # What a converter of the user's does may change from one call to the next.
        return verified(mod, source, inputs, remembers=not onnx_operators())


def _inputs(mod: IRModule, given: Given, samples: Samples | None) -> Sequence[NDArray[Any]]:
    specs = input_specs(mod)
    if samples is not None:
        if isinstance(samples, Mapping) and "labels" not in {spec.name for spec in specs}:
            samples = {name: values for name, values in samples.items() if name != "labels"}
        return next(batches(check_inputs(specs, samples), specs))
    shapes = {one.name: tuple(one.dims) for one in given.proto.graph.initializer}
    shapes |= {one.name: one.shape for one in given.large}
    return generated(specs, extents(given.proto.graph, shapes))
