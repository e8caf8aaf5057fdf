"""DynamicQuantizeLSTM: an LSTM with weights of 8 bits, whose inputs and results are rounded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from tvm import relax

from eie_backend.errors import ModelError
from eie_backend.frontend.converters.recurrent import KINDS, convert
from eie_backend.frontend.onnx_node import Node, constant, dtype_of
from eie_backend.frontend.recurrent.rounded import Rounded

OPERANDS = 8
"""Of an LSTM; behind them are scale and zero point of W, and of R."""


def dynamic_quantize_lstm(node: Node) -> tuple[relax.Expr, ...]:
    """Return what an LSTM computes with the floats that the weights mean.

    The weights are a layer's like any; the rounding of inputs and results is the host's.
    """
    w, r = _floats(node, 1, OPERANDS, "W"), _floats(node, 2, OPERANDS + 2, "R")
    kind = dtype_of(node.inputs[0])
    operands = [node.inputs[0], constant(w, kind), constant(r, kind), *node.inputs[3:OPERANDS]]
    return convert(replace(node, inputs=operands), replace(KINDS["LSTM"], around=Rounded))


def _floats(node: Node, at: int, scale_at: int, name: str) -> NDArray[np.float32]:
    """Return weights (directions, 4 H, inputs), from integers (directions, inputs, 4 H)."""
    weights = node.constant(at, f"weights {name}")
    scale = node.constant(scale_at, f"scales of {name}")
    zero = node.constant(scale_at + 1, f"zero points of {name}")
    if weights is None or scale is None or zero is None:
        raise ModelError(f"{name}, its scale or its zero point is left out; all must be given")
    columns = (weights.shape[0], 1, weights.shape[-1])
    wanted = {columns[:1], (columns[0], columns[2])}
    if weights.ndim != 3 or {scale.shape, zero.shape} - wanted:
        raise ModelError(
            f"{name} has shape {weights.shape}, its scale {scale.shape}, its zero point "
            f"{zero.shape}; {name} must be of three dimensions, the others one number for each "
            "direction, or for each direction and column"
        )
    each = (columns[0], 1, -1)
    shifted = weights.astype(np.float32) - zero.astype(np.float32).reshape(each)
    return np.ascontiguousarray((shifted * scale.reshape(each)).transpose(0, 2, 1))


CONVERTERS = {"com.microsoft::DynamicQuantizeLSTM": dynamic_quantize_lstm}
