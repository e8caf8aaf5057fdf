"""The weights of an ONNX model's layers as matrices, and matrices back as weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from eie_backend.names.onnx_graph import named_nodes


@dataclass(frozen=True)
class OnnxLayer:
    """A node with constant weights: the initializer `tensor`, and how it becomes a matrix.

    `bias` names the node's bias, "" if it has none.

    The matrix (outputs, inputs) is that of the `DenseLayer` of the same name, when nothing is
    folded into it; the columns of a convolution are kernel positions, then channels, and with
    `groups` it is block diagonal.
    """

    name: str
    tensor: str
    bias: str
    operator: str
    transposed: bool
    groups: int

    def matrix(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the layer's weights (outputs, inputs) of its tensor's values."""
        if self.operator != "Conv":
            return values.T if self.transposed else values
        last = np.moveaxis(values, 1, -1)
        if self.groups == 1:
            return last.reshape(len(values), -1)
        groups, outputs = self.groups, len(values) // self.groups
        kernel, channels = last.shape[1:-1], last.shape[-1]
        blocks = np.zeros((groups, outputs, prod(kernel), groups, channels), values.dtype)
        for group, rows in enumerate(np.split(last, groups)):
            blocks[group, :, :, group] = rows.reshape(outputs, -1, channels)
        return blocks.reshape(len(values), -1)

    def values(self, matrix: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Return the values, of this shape, of the tensor with this matrix."""
        if self.operator != "Conv":
            return matrix.T if self.transposed else matrix
        where = self.matrix(np.arange(1, prod(shape) + 1).reshape(shape))
        values = np.empty(prod(shape), np.float32)
        values[where[where > 0] - 1] = matrix[where > 0]
        return values.reshape(shape)


def onnx_layers(proto: ModelProto) -> list[OnnxLayer]:
    """Return the layers of a model whose weights belong to them alone, in order.

    They have the names that `from_onnx` gives them.
    """
    floats = {t.name for t in proto.graph.initializer if t.data_type == TensorProto.FLOAT}
    ranks = {tensor.name: len(tensor.dims) for tensor in proto.graph.initializer}
    uses = Counter(name for node in proto.graph.node for name in node.input)
    found = []
    for node, named in zip(proto.graph.node, named_nodes(proto.graph), strict=True):
        if named.tensor is None or node.input[1] not in floats or uses[node.input[1]] > 1:
            continue
        if node.op_type == "Conv" or ranks[node.input[1]] == 2:
            transposed = node.op_type != "Conv" and not _attribute(node, "transB", 0)
            groups = _attribute(node, "group", 1)
            bias = node.input[2] if len(node.input) > 2 else ""
            weights = node.input[1], bias, node.op_type
            found.append(OnnxLayer(named.name, *weights, transposed, groups))
    return found


def matrices(proto: ModelProto, layers: list[OnnxLayer]) -> dict[str, NDArray[np.float32]]:
    """Return the weights (outputs, inputs) of a model's layers by name."""
    tensors = {tensor.name: tensor for tensor in proto.graph.initializer}
    return {
        layer.name: layer.matrix(numpy_helper.to_array(tensors[layer.tensor])) for layer in layers
    }


def with_matrices(
    proto: ModelProto, layers: list[OnnxLayer], weights: Mapping[str, NDArray[np.float32]]
) -> ModelProto:
    """Return a copy of a model with other weights (outputs, inputs) in some of its layers."""
    changed = ModelProto()
    changed.CopyFrom(proto)
    tensors = {tensor.name: tensor for tensor in changed.graph.initializer}
    for layer in layers:
        if layer.name in weights:
            tensor = tensors[layer.tensor]
            values = layer.values(weights[layer.name], tuple(tensor.dims))
            tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), layer.tensor))
    return changed


def _attribute(node: NodeProto, name: str, default: int) -> int:
    values = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    return int(values.get(name, default))
