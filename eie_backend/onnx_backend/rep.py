"""`EieRep`: a compiled model behind ONNX's backend interface."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import tvm
from numpy.typing import ArrayLike, NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper
from onnx.backend.base import BackendRep, namedtupledict
from onnx.helper import tensor_dtype_to_np_dtype
from tvm import relax

from eie_backend.compiler import compile as compile_for_machine
from eie_backend.config import HardwareConfig
from eie_backend.errors import InputError, ModelError
from eie_backend.frontend import from_onnx
from eie_backend.machine.target import target
from eie_backend.profiler import run as run_compiled
from eie_backend.transform.inputs import InputSpec, input_specs

Outputs: TypeAlias = Sequence[NDArray[Any]]
Compiled: TypeAlias = tuple[Callable[[dict[str, NDArray[Any]]], Outputs], Sequence[InputSpec]]
Inputs: TypeAlias = Sequence[ArrayLike] | Mapping[str, ArrayLike]

HALF = (TensorProto.FLOAT16, TensorProto.BFLOAT16)
HALF_DTYPES = ("float16", "bfloat16")

NO_LAYER = "no layer of the model"
"""What `eie_backend.compile` says of a model for the host alone, which is no fault here."""


class EieRep(BackendRep):
    """A compiled model; what its inputs' values decide is compiled when they are known.

    Shapes that values decide need them as constants: so inputs after the first, then all, are
    bound to what `run` gets, where the model is refused otherwise.
    """

    def __init__(self, model: ModelProto, config: HardwareConfig, options: Mapping[str, Any]):
        self._model, self._config, self._options = model, config, options
        constants = {tensor.name for tensor in model.graph.initializer}
        self._inputs = [one.name for one in model.graph.input if one.name not in constants]
        self._outputs = [one.name for one in model.graph.output]
        self._compiled: Compiled | None = None
        try:
            self._compiled = self._compile({})
        except ModelError:
            if not self._inputs:
                raise

    def run(self, inputs: Inputs, **_options: Any) -> tuple[NDArray[Any], ...]:
        """Return the outputs, which are also attributes of the tuple by their names.

        Parameters
        ----------
        inputs : sequence or mapping of array_like
            In the model's order, or by name.

        Raises
        ------
        EieError
            If the model cannot be compiled, or inputs do not fit.
        """
        feeds = self._named(inputs)
        if self._compiled is not None:
            found = _run(self._compiled, feeds)
        else:
            found = self._bound(feeds)
        declared = [
            value.astype(tensor_dtype_to_np_dtype(one.type.tensor_type.elem_type))
            if one.type.tensor_type.elem_type in HALF
            else value
            for value, one in zip(found, self._model.graph.output, strict=True)
        ]
        outputs: tuple[NDArray[Any], ...] = namedtupledict("Outputs", self._outputs)(*declared)
        return outputs

    def _bound(self, feeds: dict[str, NDArray[Any]]) -> Outputs:
        names = list(feeds)
        try:
            constants = names[1:]
            compiled = self._compile({name: feeds[name] for name in constants})
        except ModelError:
            constants = names
            compiled = self._compile(feeds)
        left = {name: value for name, value in feeds.items() if name not in constants}
        return _run(compiled, left)

    def _named(self, inputs: Inputs) -> dict[str, NDArray[Any]]:
        given = (
            inputs if isinstance(inputs, Mapping) else dict(zip(self._inputs, inputs, strict=False))
        )
        if len(inputs) != len(self._inputs) or set(given) != set(self._inputs):
            raise InputError(
                f"run: got {len(inputs)} inputs, the model takes {', '.join(self._inputs)}; "
                "give these"
            )
        return {name: np.asarray(given[name]) for name in self._inputs}

    def _compile(self, values: Mapping[str, NDArray[Any]]) -> Compiled:
        mod = from_onnx(_with_constants(self._model, values))
        run: Callable[[dict[str, NDArray[Any]]], Outputs]
        try:
            run = partial(run_compiled, compile_for_machine(mod, self._config, **self._options))
        except ModelError as error:
            if NO_LAYER not in str(error):
                raise
            noted = mod.with_attr("eie.arithmetic", self._options["arithmetic"])
            executable = tvm.compile(noted, target=target(self._config))
            run = partial(_on_host, relax.VirtualMachine(executable, tvm.cpu())["main"])
        return run, input_specs(mod)


def _with_constants(model: ModelProto, values: Mapping[str, NDArray[Any]]) -> ModelProto:
    """Return a model whose inputs with values are constants, of any type."""
    copy = ModelProto()
    copy.CopyFrom(model)
    left = [one for one in model.graph.input if one.name not in values]
    del copy.graph.input[:], copy.graph.node[:]
    copy.graph.input.extend(left)
    for name, value in values.items():
        tensor = numpy_helper.from_array(value, name)
        copy.graph.node.append(helper.make_node("Constant", [], [name], value=tensor))
    copy.graph.node.extend(model.graph.node)
    return copy


def _run(compiled: Compiled, feeds: Mapping[str, NDArray[Any]]) -> Outputs:
    """Run a model; inputs in half precision are float32 where it is computed in that."""
    run, specs = compiled
    values = {
        spec.name: value.astype(spec.dtype) if str(value.dtype) in HALF_DTYPES else value
        for spec, value in zip(specs, feeds.values(), strict=True)
    }
    shapes = {name: value.shape for name, value in values.items()}
    if wrong := [one for one in specs if tuple(one.shape) != shapes[one.name]]:
        told = ", ".join(f"{one.name} of {shapes[one.name]}, it takes {one.shape}" for one in wrong)
        raise InputError(f"run: got {told}; give inputs of the model's shapes")
    return run(values)


def _on_host(main: Callable[..., Any], values: dict[str, NDArray[Any]]) -> Outputs:
    found = main(*map(tvm.runtime.tensor, values.values()))
    return [one.numpy() for one in ([found] if isinstance(found, tvm.runtime.Tensor) else found)]
