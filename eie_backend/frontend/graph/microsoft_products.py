"""`spell_out_products`: what ONNX Runtime makes of quantized products, as quantizers write them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from onnx import ModelProto, NodeProto, TensorProto, helper

from eie_backend.frontend.graph.context import Context
from eie_backend.frontend.graph.facts import replace
from eie_backend.frontend.onnx_operators import DEFAULT_DOMAINS

MICROSOFT = "com.microsoft"
SINCE = 11
"""Version of ONNX's operator set that has ``DynamicQuantizeLinear``."""


def spell_out_products(proto: ModelProto, _context: Context) -> list[str]:
    """Replace fused products of quantized matrices by what they mean; nothing is to be told.

    Before -> after::

        y = com.microsoft::DynamicQuantizeMatMul(x, q, sq, zq, b)
            ->  d, sx, zx = DynamicQuantizeLinear(x); p = MatMulInteger(d, q, zx, zq)
                y = Add(Mul(Cast(p, to=float32), Mul(sx, sq)), b)

    1. ``MatMulIntegerToFloat`` has the data, their scale and zero point as inputs.
    2. Zero points and the bias may be left out.
    3. A model of an operator set before `SINCE` is left alone, and what somebody registered a
       converter of: its type has the domain in it by now.
    """
    versions = [opset.version for opset in proto.opset_import if opset.domain in DEFAULT_DOMAINS]
    if max(versions, default=1) < SINCE:  # 3.
        return []
    made = {
        node.output[0]: [*OPERATORS[node.op_type](node)]
        for node in proto.graph.node
        if node.domain == MICROSOFT and node.op_type in OPERATORS
    }
    if made:
        replace(proto.graph, made)
    return []


def _dynamic(node: NodeProto) -> Iterator[NodeProto]:
    data, weights, scale, zero, bias = [*node.input, "", ""][:5]
    parts = [f"{node.output[0]}.{one}" for one in ("bytes", "scale", "zero")]
    yield helper.make_node("DynamicQuantizeLinear", [data], parts, parts[0])
    yield from _product(node, (parts[0], weights), (parts[1], scale), (parts[2], zero), bias)


def _to_float(node: NodeProto) -> Iterator[NodeProto]:
    a, b, a_scale, b_scale, a_zero, b_zero, bias = [*node.input, "", "", ""][:7]  # 1.
    yield from _product(node, (a, b), (a_scale, b_scale), (a_zero, b_zero), bias)


def _product(
    node: NodeProto,
    factors: tuple[str, str],
    scales: tuple[str, str],
    zeros: tuple[str, str],
    bias: str,
) -> Iterator[NodeProto]:
    result = node.output[0]
    product, floats, scale, done = (
        f"{result}.{part}" for part in ("product", "floats", "scales", "scaled")
    )
    done = done if bias else result
    yield helper.make_node("MatMulInteger", [*factors, *zeros], [product], node.name)
    yield helper.make_node("Cast", [product], [floats], floats, to=TensorProto.FLOAT)
    yield helper.make_node("Mul", [*scales], [scale], scale)
    yield helper.make_node("Mul", [floats, scale], [done], done)
    if bias:
        yield helper.make_node("Add", [done, bias], [result], f"{node.name}.bias")


OPERATORS: Mapping[str, Callable[[NodeProto], Iterator[NodeProto]]] = {
    "DynamicQuantizeMatMul": _dynamic,
    "MatMulIntegerToFloat": _to_float,
}
