"""A generated transformer as ONNX, with attention and dense layers and random weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper


@dataclass(frozen=True)
class Transformer:
    """Sizes of a transformer; the defaults have 25 million parameters."""

    layers: int = 6
    width: int = 592
    heads: int = 8
    tokens: int = 16

    def write(self, path: Path, seed: int = 0) -> int:
        """Write the model; return the number of its parameters."""
        writer = Writer(np.random.default_rng(seed))
        shape = [1, self.tokens, self.width]
        writer.constant("scale", np.float32((self.width // self.heads) ** -0.5))
        writer.constant("split", np.array([1, self.tokens, self.heads, self.width // self.heads]))
        writer.constant("join", np.array(shape))
        value = "x"
        for number in range(self.layers):
            value = self._layer(writer, value, f"layer{number}")
        ends = (helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in ("x", value))
        x, y = ends
        graph = helper.make_graph(writer.nodes, "transformer", [x], [y], writer.tensors)
        opsets = [helper.make_opsetid("", 17)]
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
        return sum(int(np.prod(tensor.dims)) for tensor in writer.tensors)

    def _layer(self, writer: Writer, x: str, name: str) -> str:
        """Append one layer that reads `x`; return its result."""
        width = self.width
        normal = writer.norm(x, width, f"{name}.norm1")
        heads = []
        for part in "qkv":
            flat = writer.dense(normal, width, width, f"{name}.{part}")
            rows = writer.node("Reshape", [flat, "split"], f"{name}.{part}_rows")
            perm = [0, 2, 3, 1] if part == "k" else [0, 2, 1, 3]
            heads.append(writer.node("Transpose", [rows], f"{name}.{part}_heads", perm=perm))
        query, key, value = heads
        scores = writer.node("MatMul", [query, key], f"{name}.scores")
        scaled = writer.node("Mul", [scores, "scale"], f"{name}.scaled")
        shares = writer.node("Softmax", [scaled], f"{name}.shares", axis=-1)
        mixed = writer.node("MatMul", [shares, value], f"{name}.mixed")
        rows = writer.node("Transpose", [mixed], f"{name}.mixed_rows", perm=[0, 2, 1, 3])
        joined = writer.node("Reshape", [rows, "join"], f"{name}.joined")
        attention = writer.dense(joined, width, width, f"{name}.attention")
        x = writer.node("Add", [x, attention], f"{name}.residual1")
        normal = writer.norm(x, width, f"{name}.norm2")
        wide = writer.dense(normal, width, 4 * width, f"{name}.up")
        hidden = writer.node("Relu", [wide], f"{name}.relu")
        narrow = writer.dense(hidden, 4 * width, width, f"{name}.down")
        return writer.node("Add", [x, narrow], f"{name}.residual2")


@dataclass
class Writer:
    """Nodes and random tensors of a model, as they are appended; values have their nodes' names."""

    rng: np.random.Generator
    nodes: list[NodeProto] = field(default_factory=list)
    tensors: list[TensorProto] = field(default_factory=list)

    def constant(self, name: str, values: np.ndarray | np.generic) -> str:
        self.tensors.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def node(self, operator: str, inputs: list[str], name: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def dense(self, x: str, inputs: int, outputs: int, name: str) -> str:
        scale = np.float32(inputs**-0.5)
        weights = self.rng.standard_normal((inputs, outputs), np.float32) * scale
        bias = self.rng.standard_normal(outputs, np.float32) * scale
        product = self.node("MatMul", [x, self.constant(f"{name}.weight", weights)], name)
        return self.node("Add", [product, self.constant(f"{name}.bias", bias)], f"{name}_biased")

    def norm(self, x: str, width: int, name: str) -> str:
        parts = self._norm(width, name)
        return self.node("LayerNormalization", [x, *parts], name, axis=-1)

    def _norm(self, width: int, name: str) -> Iterator[str]:
        yield self.constant(f"{name}.weight", np.ones(width, np.float32))
        yield self.constant(f"{name}.bias", np.zeros(width, np.float32))
