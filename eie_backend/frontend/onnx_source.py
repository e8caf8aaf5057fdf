"""`OnnxSource`: an ONNX model in ONNX Runtime, or in ONNX's own reference implementation."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator
from tvm import IRModule

from eie_backend.frontend.onnx_division import divides_the_lowest
from eie_backend.frontend.onnx_operators import onnx_operators, plain_domain, qualified
from eie_backend.verification.source import Arrays, Operator

RANDOM = {"Bernoulli", "Multinomial"}
RANDOM |= {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}

HALVES = {TensorProto.FLOAT16, TensorProto.BFLOAT16}

YOURS = ("the converter that you registered is wrong", "correct it")

Values = Mapping[str, NDArray[Any]]


class OnnxSource:
    """An ONNX model as it was given.

    Parameters
    ----------
    proto : ModelProto
        The model.
    known : function
        Returns values that are neither in the model nor inputs of the module, by name.
    inputs : sequence of str
        The other graph inputs, in the module's order.
    imported : callable
        Imports a model of a single node.
    """

    def __init__(
        self,
        proto: ModelProto,
        known: Callable[[], Values],
        inputs: Sequence[str],
        imported: Callable[[ModelProto], IRModule],
    ) -> None:
        self._given, self._load, self._inputs, self._imported = proto, known, inputs, imported

    @cached_property
    def _known(self) -> Values:
        return self._load()

    @cached_property
    def _proto(self) -> ModelProto:
        """The model, with what is known as inputs."""
        proto = ModelProto()
        proto.CopyFrom(self._given)
        declared = {value.name for value in proto.graph.input}
        proto.graph.input.extend(_info(n, v) for n, v in self._known.items() if n not in declared)
        return proto

    @cached_property
    def _onnxruntime(self) -> Any:
        # It would send what it does to its maker.
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
        try:
            import onnxruntime
        except ModuleNotFoundError:
            return None
        onnxruntime.set_default_logger_severity(4)  # it raises what it says
        return onnxruntime

    @cached_property
    def _traps(self) -> bool:
        return divides_the_lowest(self._given)

    @cached_property
    def _types(self) -> dict[str, int]:
        """The element types of values, as far as ONNX infers them."""
        graph = onnx.shape_inference.infer_shapes(self._proto).graph
        values = (*graph.input, *graph.value_info, *graph.output)
        return {one.name: one.type.tensor_type.elem_type for one in values}

    @property
    def halves(self) -> bool:
        """Whether a value is in half precision."""
        stored = {one.data_type for one in self._given.graph.initializer}
        return bool(HALVES & (stored | {*self._types.values()}))

    cause = "TVM's converter is wrong"
    remedy = (
        "export the model with other operators, register a converter of your own "
        "(eie_backend.register_onnx_operator)"
    )

    @property
    def runtime(self) -> str:
        """Which of the two it is."""
        return "onnx.reference" if self._onnxruntime is None or self._traps else "ONNX Runtime"

    @property
    def version(self) -> str:
        """The version of both."""
        own = getattr(self._onnxruntime, "__version__", "")
        return f"{own} {onnx.__version__}"

    @cached_property
    def random(self) -> Sequence[str]:
        """Nodes that compute something else each time."""
        graph = self._given.graph
        dropouts = {*(name for n in graph.node if n.op_type == "Dropout" for name in n.input[2:3])}
        tensors = [one for one in graph.initializer if one.name in dropouts]
        training = {one.name for one in tensors if numpy_helper.to_array(one).any()}
        return [
            f"{node.name!r} ({node.op_type})"
            for node in graph.node
            if node.op_type in RANDOM or {*node.input[2:3]} & training
        ]

    def outputs(self, inputs: Arrays) -> Arrays:
        """Return the results; may raise what the runtime raises."""
        names = [value.name for value in self._proto.graph.output]
        return self._run(self._proto, names, inputs)

    def operators(self, inputs: Arrays) -> Iterator[Operator]:
        """Yield the nodes of the graph with their values, in its order."""
        graph = self._proto.graph
        values = {**self._constants(), **self._known}
        wanted = [
            name
            for node in graph.node
            for name in node.output
            # NumPy has no bfloat16.
            if name and self._types.get(name) != TensorProto.BFLOAT16
        ]
        with_all = ModelProto()
        with_all.CopyFrom(self._proto)
        del with_all.graph.output[:]
        with_all.graph.output.extend(onnx.ValueInfoProto(name=name) for name in wanted)
        found = self._run(with_all, wanted, inputs)
        computed = {**dict(zip(self._inputs, inputs, strict=True))}
        every = {**values, **computed, **dict(zip(wanted, found, strict=True))}
        varying = {*self._inputs}
        for node in graph.node:
            names = [*dict.fromkeys(filter(None, (*node.input, *_captured(node))))]
            if varying & {*names}:
                varying |= {*node.output}
            if not all(isinstance(every.get(name), np.ndarray) for name in (*names, *node.output)):
                continue  # a sequence, an optional value
            yield self._operator(node, names, varying, every)

    def _operator(
        self, node: NodeProto, names: Sequence[str], varying: set[str], values: Values
    ) -> Operator:
        inputs = [name for name in names if name in varying]
        results = [name for name in node.output if name]
        graph = onnx.helper.make_graph(
            [node],
            "operator",
            [_info(name, values[name]) for name in inputs],
            [_info(name, values[name]) for name in results],
            [numpy_helper.from_array(values[name], name) for name in names if name not in varying],
        )
        alone = ModelProto(ir_version=self._proto.ir_version, graph=graph)
        alone.opset_import.extend(self._proto.opset_import)
        alone.functions.extend(self._proto.functions)
        return Operator(
            node.name,
            node.op_type,
            [values[name] for name in inputs],
            [values[name] for name in results],
            lambda: self._imported(alone),
            lambda: _by_reference(alone, results, {name: values[name] for name in inputs}),
            YOURS if _is_registered(node) else None,
        )

    def _constants(self) -> dict[str, NDArray[Any]]:
        return {one.name: numpy_helper.to_array(one) for one in self._proto.graph.initializer}

    def _run(self, proto: ModelProto, names: Sequence[str], inputs: Arrays) -> list[Any]:
        types = {value.name: value.type.tensor_type.elem_type for value in self._given.graph.input}
        feeds = {
            name: np.asarray(value, onnx.helper.tensor_dtype_to_np_dtype(types[name]))
            for name, value in zip(self._inputs, inputs, strict=True)
        }
        feeds |= self._known
        runtime = self._onnxruntime
        if runtime is None or self._traps:
            return _by_reference(proto, names, feeds)
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        # As it is: what ONNX Runtime makes of it first would be another model.
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = runtime.InferenceSession(
            proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        found: list[Any] = session.run([*names], feeds)
        return found


def _is_registered(node: NodeProto) -> bool:
    name = qualified(plain_domain(node.domain), node.op_type)
    return any(name == one.qualified for one in onnx_operators())


def _by_reference(proto: ModelProto, names: Sequence[str], feeds: Values) -> list[Any]:
    with np.errstate(all="ignore"):  # NaN and infinity are results
        return [*ReferenceEvaluator(proto).run([*names], dict(feeds))]


def _captured(node: NodeProto) -> Iterator[str]:
    """Yield what the graphs inside a node read from outside."""
    for attribute in node.attribute:
        graphs = [attribute.g] if attribute.type == AttributeProto.GRAPH else attribute.graphs
        for graph in graphs:
            yield from _free(graph)


def _free(graph: GraphProto) -> Iterator[str]:
    own = {value.name for value in (*graph.input, *graph.initializer)}
    for node in graph.node:
        yield from (name for name in (*node.input, *_captured(node)) if name not in own)
        own |= {*node.output}
    yield from (value.name for value in graph.output if value.name not in own)


def _info(name: str, value: NDArray[Any]) -> onnx.ValueInfoProto:
    kind = onnx.helper.np_dtype_to_tensor_dtype(value.dtype)
    return onnx.helper.make_tensor_value_info(name, kind, value.shape)
