"""How operators of the domain ``ai.onnx.ml`` are written in ONNX's own, one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from onnx import NodeProto, TensorProto, helper, numpy_helper

from eie_backend.frontend.graph.facts import Facts
from eie_backend.frontend.graph.old_operators import attribute

SCORES = {"NONE": "Identity", "SOFTMAX": "Softmax", "LOGISTIC": "Sigmoid"}
"""What makes a classifier's result of its sums."""

AXES_ARE_INPUTS = 18
"""Version of the operator set from which on all reductions take their axes as an input."""


class Spelling:
    """A node, and the nodes and constants that take its place.

    `types` are the element type and the rank of its results.
    """

    def __init__(self, node: NodeProto, facts: Facts, opset: int) -> None:
        self.node, self.facts, self.opset = node, facts, opset
        self.label = node.name or node.output[0]
        self.nodes: list[NodeProto] = []
        self.tensors: list[TensorProto] = []
        self.types: dict[str, tuple[int, int]] = {}

    def attribute(self, name: str, default: Any = None) -> Any:
        """Return an attribute of the node; a text as such."""
        value = attribute(self.node, name, default)
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else value

    def constant(self, part: str, values: ArrayLike, dtype: Any = np.float32) -> str:
        """Return the name of a new initializer."""
        name = self.facts.fresh(f"{self.label}.{part}")
        self.tensors.append(
            numpy_helper.from_array(np.ascontiguousarray(np.asarray(values, dtype)), name)
        )
        return name

    def add(self, operator: str, *inputs: str, result: str = "", **attributes: Any) -> str:
        """Add a node and return its result, which may be one of the spelled node's."""
        name = result or self.facts.fresh(f"{self.label}.{operator.lower()}")
        self.nodes.append(helper.make_node(operator, inputs, [name], name, **attributes))
        return name

    def returns(self, kind: int, rank: int = 2, at: int = 0) -> str:
        """Note the type of a result, and return its name."""
        name: str = self.node.output[at]
        self.types[name] = (kind, rank)
        return name

    @property
    def data(self) -> str:
        """The first input, in float32."""
        name: str = self.node.input[0]
        if self.facts.kind(name) == TensorProto.FLOAT:
            return name
        return self.add("Cast", name, to=TensorProto.FLOAT)

    def reads(self, at: int) -> bool:
        """Return whether the node has a result that something reads."""
        name = self.node.output[at] if at < len(self.node.output) else ""
        return bool(name) and (name in self.facts.results or bool(self.facts.readers[name]))

    def linear(self, outputs: int) -> str | None:
        """Return the sums of a linear model, None if its attributes do not fit."""
        weights = np.array(self.attribute("coefficients", []), np.float32)
        bias = self.attribute("intercepts", [])
        if not outputs or not weights.size or weights.size % outputs:
            return None
        if len(bias) not in (0, outputs):
            return None
        matrix = self.constant("weight", weights.reshape(outputs, -1).T)
        sums = self.add("MatMul", self.data, matrix)
        self.nodes[-1].name = self.label
        return self.add("Add", sums, self.constant("bias", bias)) if len(bias) else sums


def _linear_classifier(to: Spelling) -> bool:
    numbers = to.attribute("classlabels_ints", [])
    texts = to.attribute("classlabels_strings", [])
    operator = SCORES.get(to.attribute("post_transform", "NONE"))
    if operator is None or (to.reads(0) and not len(numbers)):
        return False
    sums = to.linear(len(numbers) or len(texts))
    if sums is None:
        return False
    along = {"axis": -1} if operator == "Softmax" else {}
    to.add(operator, sums, result=to.returns(TensorProto.FLOAT, at=1), **along)
    if to.reads(0):
        classes = to.constant("classes", numbers, np.int64)
        place = to.add("ArgMax", sums, axis=1, keepdims=0)
        to.add("Gather", classes, place, result=to.returns(TensorProto.INT64, 1))
    return True


def _linear_regressor(to: Spelling) -> bool:
    sums = to.linear(to.attribute("targets", 1))
    if sums is None or to.attribute("post_transform", "NONE") != "NONE":
        return False
    to.add("Identity", sums, result=to.returns(TensorProto.FLOAT))
    return True


def _scaler(to: Spelling) -> bool:
    offset, scale = (to.attribute(name, []) for name in ("offset", "scale"))
    if not len(offset) or not len(scale):
        return False
    centred = to.add("Sub", to.data, to.constant("offset", offset))
    to.add("Mul", centred, to.constant("scale", scale), result=to.returns(TensorProto.FLOAT))
    return True


def _normalizer(to: Spelling) -> bool:
    data, norm = to.data, to.attribute("norm", "MAX")
    if norm == "L1":
        size = _reduced(to, "ReduceSum", to.add("Abs", data))
    elif norm == "L2":
        size = to.add("Sqrt", _reduced(to, "ReduceSum", to.add("Mul", data, data)))
    elif norm == "MAX":
        size = _reduced(to, "ReduceMax", data)
    else:
        return False
    empty = to.add("Equal", size, to.constant("zero", 0))
    divisor = to.add("Where", empty, to.constant("one", 1), size)
    to.add("Div", data, divisor, result=to.returns(TensorProto.FLOAT))
    return True


def _reduced(to: Spelling, operator: str, name: str) -> str:
    """Return a number for each row."""
    if operator == "ReduceMax" and to.opset < AXES_ARE_INPUTS:
        return to.add(operator, name, axes=[1], keepdims=1)
    return to.add(operator, name, to.constant("axes", [1], np.int64), keepdims=1)


def _array_feature_extractor(to: Spelling) -> bool:
    data, places = to.node.input
    kind = to.facts.types.get(data)
    rank = len(kind.tensor_type.shape.dim) if kind and kind.tensor_type.HasField("shape") else 2
    flat = to.add("Reshape", places, to.constant("flat", [-1], np.int64))
    result = to.returns(to.facts.kind(data), max(rank, 2))
    if rank != 1:
        to.add("Gather", data, flat, result=result, axis=-1)
    else:
        found = to.add("Gather", data, flat, axis=0)
        to.add("Reshape", found, to.constant("row", [1, -1], np.int64), result=result)
    return True


def _binarizer(to: Spelling) -> bool:
    above = to.add("Greater", to.data, to.constant("threshold", to.attribute("threshold", 0.0)))
    to.add("Cast", above, result=to.returns(TensorProto.FLOAT), to=TensorProto.FLOAT)
    return True


REWRITES: Mapping[str, Callable[[Spelling], bool]] = {
    "ArrayFeatureExtractor": _array_feature_extractor,
    "Binarizer": _binarizer,
    "LinearClassifier": _linear_classifier,
    "LinearRegressor": _linear_regressor,
    "Normalizer": _normalizer,
    "Scaler": _scaler,
}
"""By operator: adds what the node means, or returns False if it cannot be said."""
