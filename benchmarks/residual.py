"""A residual network like ResNet-18 as ONNX, with batch normalisation and random weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper
from transformer import Writer


@dataclass(frozen=True)
class Residual:
    """Sizes of a residual network; the defaults are those of ResNet-18, 11.7 million parameters."""

    width: int = 64
    blocks: tuple[int, ...] = (2, 2, 2, 2)
    classes: int = 1000
    size: int = 224

    def write(self, path: Path, seed: int = 0) -> None:
        """Write the model."""
        writer = Writer(np.random.default_rng(seed))
        value = _convolution(writer, "x", 3, self.width, 7, 2, "conv1")
        value = writer.node("Relu", [value], "relu1")
        value = writer.node(
            "MaxPool", [value], "pool", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4
        )
        channels = self.width
        for stage, count in enumerate(self.blocks):
            for block in range(count):
                outputs, stride = self.width << stage, 2 if stage and not block else 1
                name = f"layer{stage + 1}.{block}"
                value = _block(writer, value, channels, outputs, stride, name)
                channels = outputs
        flat = writer.node("Flatten", [writer.node("GlobalAveragePool", [value], "mean")], "flat")
        result = writer.dense(flat, channels, self.classes, "fc")
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, self.size, self.size])
        y = helper.make_tensor_value_info(result, TensorProto.FLOAT, [1, self.classes])
        graph = helper.make_graph(writer.nodes, "residual", [x], [y], writer.tensors)
        opsets = [helper.make_opsetid("", 17)]
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)


def _block(writer: Writer, x: str, inputs: int, outputs: int, stride: int, name: str) -> str:
    inner = _convolution(writer, x, inputs, outputs, 3, stride, f"{name}.conv1")
    inner = writer.node("Relu", [inner], f"{name}.relu1")
    inner = _convolution(writer, inner, outputs, outputs, 3, 1, f"{name}.conv2")
    if stride != 1 or inputs != outputs:
        x = _convolution(writer, x, inputs, outputs, 1, stride, f"{name}.downsample")
    return writer.node("Relu", [writer.node("Add", [inner, x], f"{name}.add")], f"{name}.relu2")


def _convolution(
    writer: Writer, x: str, inputs: int, outputs: int, size: int, stride: int, name: str
) -> str:
    """Append a convolution and its batch normalisation; return the result."""
    scale = np.float32((inputs * size * size) ** -0.5)
    weights = writer.rng.standard_normal((outputs, inputs, size, size), np.float32) * scale
    product = writer.node(
        "Conv",
        [x, writer.constant(f"{name}.weight", weights)],
        name,
        kernel_shape=[size, size],
        strides=[stride, stride],
        pads=[size // 2] * 4,
    )
    parts = [
        writer.constant(f"{name}.norm.{part}", np.full(outputs, value, np.float32))
        for part, value in (("weight", 1), ("bias", 0), ("mean", 0), ("var", 1))
    ]
    return writer.node("BatchNormalization", [product, *parts], f"{name}.norm")
