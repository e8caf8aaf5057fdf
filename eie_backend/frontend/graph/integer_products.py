"""`as_float_products`: products of quantized tensors are products of the floats that they mean."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnx.helper import tensor_dtype_to_np_dtype

from eie_backend.frontend.graph.context import Context
from eie_backend.frontend.graph.facts import Facts, replace
from eie_backend.frontend.graph.inference import FREE_CONSTANTS
from eie_backend.frontend.graph.integer_scales import Scaled, is_one, scaled
from eie_backend.frontend.onnx_operators import DEFAULT_DOMAINS

PRODUCTS = {"ConvInteger": "Conv", "MatMulInteger": "MatMul"}

EXACT = 1 << 24
"""Up to here, float32 has every integer."""

LARGEST = 255
"""Of a byte less its zero point."""


def as_float_products(proto: ModelProto, context: Context) -> list[str]:
    """Compute integer products in floats, in place; nothing is to be told of it.

    Before -> after, for constant weights ``q``, their zero point ``zq`` and scale ``sq``::

        p = MatMulInteger(x, q, zx, zq); c = Cast(p, to=float32); y = Mul(c, Mul(sx, sq))
            ->  d = Mul(Sub(Cast(x), Cast(zx)), sx); y = MatMul(d, w)

    where ``w`` is an initializer, ``(q - zq) * sq`` in float32: a layer.

    1. So it is where `scaled` finds the scales.
    2. Elsewhere the product is one of integers, in float32 if that is exact, else in float64, and
       is cast to int32.
    3. ``ConvInteger`` becomes ``Conv``: it pads with the zero point, which is 0 by then.
    4. ``fc.weight_quantized`` and ``fc.weight_Transposed_quantized`` become ``fc.weight``.
    5. A node is left alone if the shapes of its operands are not known.
    """
    graph, facts = proto.graph, None
    made: dict[str, list[NodeProto]] = {}
    gone: set[str] = set()
    for node in graph.node:
        known = node.domain in DEFAULT_DOMAINS and node.op_type not in context.foreign
        if not known or node.op_type not in PRODUCTS:
            continue
        facts = facts or _Products(proto)
        if None in map(facts.shape, filter(None, node.input)):  # 5.
            continue
        found = scaled(node, facts)
        if found is None:
            made[node.output[0]] = [*facts.of_integers(node)]
        else:
            made[found.result] = [*facts.of_floats(node, found)]
            gone |= found.gone
    if facts is not None:
        replace(graph, made, gone)
        graph.initializer.extend(facts.tensors)
        proto.ir_version = max(proto.ir_version, FREE_CONSTANTS)
    return []


class _Products(Facts):
    """The facts, and the initializers that are made."""

    def __init__(self, proto: ModelProto) -> None:
        super().__init__(proto)
        self.tensors: list[TensorProto] = []
        self._weights: dict[tuple[str, str, int, bytes], str] = {}

    def of_floats(self, node: NodeProto, found: Scaled) -> Iterator[NodeProto]:
        """Yield the nodes that make a scaled product."""
        data, weights, data_zero, zero = [*node.input, "", ""][:4]
        kind, name = TensorProto.FLOAT, self.fresh(f"{found.result}.data")
        yield from self._less(data, data_zero, kind, name, 0)
        if found.varying:
            wide, name = name, self.fresh(f"{found.result}.scaled")
            yield helper.make_node("Mul", [wide, found.varying], [name], name)
        axis = 0 if node.op_type == "ConvInteger" else -1
        matrix = self._matrix(weights, zero, found.constant, kind, axis)
        yield _product(node, name, matrix, found.result)

    def of_integers(self, node: NodeProto) -> Iterator[NodeProto]:
        """Yield the nodes that make a product of integers."""
        data, weights, data_zero, zero = [*node.input, "", ""][:4]
        is_conv, shape, result = node.op_type == "ConvInteger", self.shape(weights), node.output[0]
        assert shape is not None  # `as_float_products` has looked
        terms = prod(shape[1:]) if is_conv else [1, *shape][-2:][0]
        exact = terms * LARGEST * LARGEST < EXACT
        kind = TensorProto.FLOAT if exact else TensorProto.DOUBLE
        name, whole = self.fresh(f"{result}.data"), self.fresh(f"{result}.product")
        yield from self._less(data, data_zero, kind, name, -2)
        axis = 0 if is_conv else -1
        if weights in self.constants and (not zero or zero in self.constants):
            matrix = self._matrix(weights, zero, None, kind, axis)
        else:
            matrix = self.fresh(f"{result}.weights")
            yield from self._less(weights, zero, kind, matrix, axis)
        yield _product(node, name, matrix, whole)
        yield helper.make_node("Cast", [whole], [result], node.name, to=TensorProto.INT32)

    def _less(self, name: str, zero: str, kind: int, result: str, axis: int) -> Iterator[NodeProto]:
        """Yield nodes that make `result`, a tensor less its zero point."""
        wide = self.fresh(f"{result}.wide") if zero else result
        yield helper.make_node("Cast", [name], [wide], wide, to=kind)
        if not zero:
            return
        offset = self.fresh(f"{result}.zero")
        yield helper.make_node("Cast", [zero], [offset], offset, to=kind)
        shape, whole = self.shape(zero) or (), self.shape(name) or ()
        if prod(shape) != 1 and len(shape) == 1:
            along = self._initializer(np.array(_along(len(whole), axis)), f"{offset}.shape")
            flat, offset = offset, self.fresh(f"{offset}.along")
            yield helper.make_node("Reshape", [flat, along], [offset], offset)
        yield helper.make_node("Sub", [wide, offset], [result], result)

    def _matrix(
        self, weights: str, zero: str, scale: NDArray[Any] | None, kind: int, axis: int
    ) -> str:
        """Return the name of an initializer: weights less their zero point, times their scale."""
        key = (weights, zero, kind, b"" if scale is None else scale.tobytes())
        if key not in self._weights:
            values = self.values(weights).astype(tensor_dtype_to_np_dtype(kind))
            if zero:
                values -= _spread(self.values(zero), values.ndim, axis).astype(values.dtype)
            if scale is not None:
                values *= _spread(scale, values.ndim, axis)
            wanted = weights.removesuffix("_quantized").removesuffix("_Transposed")  # 4.
            self._weights[key] = self._initializer(values, wanted)
        return self._weights[key]

    def _initializer(self, values: NDArray[Any], wanted: str) -> str:
        name = self.fresh(wanted)
        self.tensors.append(numpy_helper.from_array(values, name))
        return name


def _product(node: NodeProto, data: str, weights: str, result: str) -> NodeProto:
    found = helper.make_node(PRODUCTS[node.op_type], [data, weights], [result], node.name)
    found.attribute.extend(node.attribute)
    return found


def _along(rank: int, axis: int) -> list[int]:
    """Return the shape of a vector along an axis; a vector of a vector is its only axis."""
    along = [1] * rank
    along[max(axis, -rank)] = -1
    return along


def _spread(values: NDArray[Any], rank: int, axis: int) -> NDArray[Any]:
    """Return numbers for all, or for each place along an axis, so that they broadcast."""
    if is_one(values.shape):
        return values.reshape(())
    return values.reshape(_along(rank, axis)) if values.ndim == 1 else values
