"""`scaled`: what quantizers write behind a product of integers, which makes it one of floats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto

from eie_backend.frontend.graph.facts import Facts
from eie_backend.frontend.graph.old_operators import attribute


@dataclass(frozen=True, eq=False)
class Scaled:
    """A product's scaled result, and its scales.

    Attributes
    ----------
    result : str
        Of the multiplication with the scales.
    varying : str
        The scale of the data, one number, or "".
    constant : array or None
        The scale of the weights, one number or one for each output.
    gone : set of str
        Values that nobody reads if the result is made otherwise.
    """

    result: str
    varying: str
    constant: NDArray[Any] | None
    gone: set[str]


def scaled(node: NodeProto, facts: Facts) -> Scaled | None:
    """Return how a product of integers is scaled, None if it is used otherwise.

    1. Its weights and their zero point are constant, and its data have one zero point.
    2. Nothing but a ``Cast`` to float32 reads it, and nothing but a ``Mul`` reads that.
    3. The other factor is a constant, a value, or the product of both.
    4. A value is one number, a constant one, or one for each output.
    """
    weights, zeros = node.input[1], [*node.input, "", ""][2:4]
    shape, is_conv = facts.shape(weights) or (), node.op_type == "ConvInteger"
    constant = [name in facts.constants for name in (weights, zeros[1]) if name]
    if not all(constant) or len(shape) < 2 or (not is_conv and len(shape) != 2):  # 1.
        return None
    if zeros[0] and not is_one(facts.shape(zeros[0])):
        return None
    cast = facts.only_reader(node.output[0], "Cast")
    if cast is None or attribute(cast, "to") != TensorProto.FLOAT:  # 2.
        return None
    last = facts.only_reader(cast.output[0], "Mul")
    if last is None or last.input[0] == last.input[1]:
        return None
    (scale,) = (name for name in last.input if name != cast.output[0])
    factors, maker = [scale], facts.makers.get(scale)
    if maker is not None and maker.op_type == "Mul" and {*maker.input} & {*facts.constants}:  # 3.
        factors = [*maker.input]
    varying = [name for name in factors if name not in facts.constants]
    fixed = [facts.values(name) for name in factors if name in facts.constants]
    channels = shape[0] if is_conv else shape[-1]
    ones = (1,) * (len(shape) - 2)
    each = {(channels, *ones), (1, channels, *ones)} if is_conv else {(channels,)}
    if len(varying) > 1 or not all(is_one(facts.shape(name)) for name in varying):  # 4.
        return None
    if any(not is_one(one.shape) and one.shape not in each for one in fixed):
        return None
    whole = None
    for one in fixed:
        flat = one.reshape(-1).astype(np.float32)
        whole = flat if whole is None else whole * flat
    alone = scale not in facts.constants and facts.only_reader(scale, "Mul") is last
    gone = {node.output[0], cast.output[0]} | ({scale} if alone and len(factors) > 1 else set())
    return Scaled(last.output[0], next(iter(varying), ""), whole, gone)


def is_one(shape: Sequence[int] | None) -> bool:
    """Return whether a tensor of a shape is one number, which broadcasts with any."""
    return shape is not None and tuple(shape) in ((), (1,))
