"""Convert StableHLO operations to Relax.

TVM 0.27 has an importer too. It does not run with jaxlib 0.10, ignores the dimension numbers of
``dot_general`` and ``broadcast_in_dim`` and the padding of ``reduce_window``, takes every
convolution for NHWC, and imports the first result of the first function only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any

import numpy as np
from jax.interpreters import mlir as jax_mlir
from jaxlib.mlir import ir
from jaxlib.mlir.dialects import stablehlo
from tvm import IRModule, relax

from eie_backend.errors import ModelError
from eie_backend.frontend.blame import blaming
from eie_backend.names.rule import identifier, source_name

REMEDY = "export it with other operations"
RETURNS = ("func.return", "stablehlo.return")
CALL = "func.call"
DTYPES = {"f16": "float16", "f32": "float32", "f64": "float64", "i1": "bool"} | {
    f"{sign}i{bits}": f"{'u' * bool(sign)}int{bits}"
    for sign in ("", "u")
    for bits in (8, 16, 32, 64)
}

ELEMENTWISE: dict[str, Callable[..., relax.Expr]] = {
    "chlo.erf": relax.op.erf,
    "chlo.erfc": lambda x: relax.op.subtract(relax.const(1, x.ty.dtype.dtype), relax.op.erf(x)),
    "stablehlo.abs": relax.op.abs,
    "stablehlo.add": relax.op.add,
    "stablehlo.ceil": relax.op.ceil,
    "stablehlo.cosine": relax.op.cos,
    "stablehlo.divide": relax.op.divide,
    "stablehlo.exponential": relax.op.exp,
    "stablehlo.floor": relax.op.floor,
    "stablehlo.log": relax.op.log,
    "stablehlo.logistic": relax.op.sigmoid,
    "stablehlo.maximum": relax.op.maximum,
    "stablehlo.minimum": relax.op.minimum,
    "stablehlo.multiply": relax.op.multiply,
    "stablehlo.negate": relax.op.negative,
    "stablehlo.power": relax.op.power,
    "stablehlo.rsqrt": relax.op.rsqrt,
    "stablehlo.select": relax.op.where,
    "stablehlo.sine": relax.op.sin,
    "stablehlo.sqrt": relax.op.sqrt,
    "stablehlo.subtract": relax.op.subtract,
    "stablehlo.tanh": relax.op.tanh,
}
COMPARISONS: dict[str, Callable[[relax.Expr, relax.Expr], relax.Expr]] = {
    "EQ": relax.op.equal,
    "NE": relax.op.not_equal,
    "GT": relax.op.greater,
    "GE": relax.op.greater_equal,
    "LT": relax.op.less,
    "LE": relax.op.less_equal,
}
REDUCTIONS: dict[str, tuple[Callable[..., relax.Expr], float]] = {
    "stablehlo.add": (relax.op.sum, 0.0),
    "stablehlo.multiply": (relax.op.prod, 1.0),
    "stablehlo.maximum": (relax.op.max, -np.inf),
    "stablehlo.minimum": (relax.op.min, np.inf),
}
"""Each reduction and the start that changes nothing."""


def parse(text: str) -> ir.Module:
    """Return the MLIR module of a text."""
    return ir.Module.parse(text, jax_mlir.make_ir_context())


def shape_of(type_: ir.Type) -> list[int]:
    """Return the static shape of a tensor type."""
    return list(ir.ShapedType(type_).shape)


def dtype_of(type_: ir.Type) -> str:
    """Return the element type of a tensor type."""
    element = str(ir.ShapedType(type_).element_type)
    if element not in DTYPES:
        raise NotImplementedError(f"element type {element}")
    return DTYPES[element]


class Importer:
    """Converts the functions of one module; every value becomes a variable."""

    def __init__(self, module: ir.Module) -> None:
        self._convert: dict[str, Callable[[Any], relax.Expr]] = {
            "stablehlo.broadcast_in_dim": self._broadcast_in_dim,
            "stablehlo.clamp": self._clamp,
            "stablehlo.compare": self._compare,
            "stablehlo.concatenate": self._concatenate,
            "stablehlo.constant": self._constant,
            "stablehlo.convert": self._astype,
            "stablehlo.dot_general": self._dot_general,
            "stablehlo.reduce": self._reduce,
            "stablehlo.reshape": self._reshape,
            "stablehlo.slice": self._slice,
            "stablehlo.transpose": self._transpose,
        }
        self._functions = {op.name.value: op.regions[0].blocks[0] for op in module.body.operations}
        self._values: dict[ir.Value, relax.Expr] = {}
        self._builder = relax.BlockBuilder()
        self.scopes: dict[str, str] = {}
        """What the source calls the products, by their variables."""

    def main(self) -> IRModule:
        """Return the module's `main`, and what it calls, as one Relax function.

        Raises
        ------
        ModelError
            Naming every operation that is not known.
        """
        if "main" not in self._functions:
            raise ModelError("it has no function @main; export one")
        main = self._functions["main"]
        if unknown := sorted(set(self._unknown(main))):
            raise ModelError(
                f"operations {', '.join(unknown)} are not supported; the supported ones are "
                f"{', '.join(sorted({*ELEMENTWISE, *self._convert, CALL}))}"
            )
        dynamic = [n for n, a in enumerate(main.arguments) if not a.type.has_static_shape]
        if dynamic:
            raise ModelError(
                f"arguments {', '.join(map(str, dynamic))} of @main have dynamic shapes; "
                "export the model with static ones"
            )
        inputs = [
            relax.Var(f"arg{n}", relax.TensorType(shape_of(a.type), dtype_of(a.type)))
            for n, a in enumerate(main.arguments)
        ]
        with self._builder.function("main", inputs):
            with self._builder.dataflow():
                results = self._block(main, inputs)
                value = results[0] if len(results) == 1 else relax.Tuple(results)
                output = self._builder.emit_output(value)
            self._builder.emit_func_output(output)
        return self._builder.get()

    def _unknown(self, block: ir.Block) -> Iterator[str]:
        for op in block.operations:
            name = op.operation.name
            if name == CALL:
                yield from self._unknown(self._functions[op.attributes["callee"].value])
            elif name not in {*ELEMENTWISE, *self._convert, *RETURNS}:
                yield name

    def _block(self, block: ir.Block, arguments: Sequence[relax.Expr]) -> list[relax.Expr]:
        self._values.update(zip(block.arguments, arguments, strict=True))
        for op in block.operations:
            name = op.operation.name
            if name in RETURNS:
                return self._operands(op)
            if name == CALL:
                callee = self._functions[op.attributes["callee"].value]
                results = self._block(callee, self._operands(op))
            else:
                with blaming(_place(str(op.location)), name, self._operands(op), REMEDY, "our"):
                    results = [self._converted(op, name)]
            self._values.update(zip(op.results, results, strict=True))
        return []

    def _converted(self, op: Any, name: str) -> relax.Expr:
        if name in ELEMENTWISE:
            return self._emit(ELEMENTWISE[name](*self._operands(op)))
        return self._convert[name](op)

    def _operands(self, node: Any) -> list[relax.Expr]:
        return [self._values[operand] for operand in node.operands]

    def _emit(self, value: relax.Expr) -> relax.Expr:
        return self._builder.emit(value)

    def _constant(self, node: Any) -> relax.Expr:
        return self._emit(
            relax.const(np.array(node.attributes["value"]), dtype_of(node.result.type))
        )

    def _astype(self, node: Any) -> relax.Expr:
        return self._emit(relax.op.astype(*self._operands(node), dtype_of(node.result.type)))

    def _reshape(self, node: Any) -> relax.Expr:
        return self._emit(relax.op.reshape(*self._operands(node), shape_of(node.result.type)))

    def _broadcast_in_dim(self, node: Any) -> relax.Expr:
        (data,) = self._operands(node)
        shape = shape_of(node.result.type)
        extents = shape_of(node.operands[0].type)
        aligned = [1] * len(shape)
        for dim, extent in zip(node.attributes["broadcast_dimensions"], extents, strict=True):
            aligned[dim] = extent
        # Leading ones come by themselves; so a bias stays a vector.
        first = next((n for n, extent in enumerate(aligned) if extent != 1), len(aligned))
        if aligned[first:] != extents:
            data = self._emit(relax.op.reshape(data, aligned[first:]))
        return self._emit(relax.op.broadcast_to(data, shape))

    def _dot_general(self, node: Any) -> relax.Expr:
        """Bring both operands to (batch..., rows, k) and (batch..., k, columns)."""
        lhs, rhs = self._operands(node)
        numbers = stablehlo.DotDimensionNumbers(node.attributes["dot_dimension_numbers"])
        left_batch, right_batch = (
            list(numbers.lhs_batching_dimensions),
            list(numbers.rhs_batching_dimensions),
        )
        left_sum, right_sum = (
            list(numbers.lhs_contracting_dimensions),
            list(numbers.rhs_contracting_dimensions),
        )
        left_shape, right_shape = (shape_of(operand.type) for operand in node.operands)
        left_free = [d for d in range(len(left_shape)) if d not in left_batch + left_sum]
        right_free = [d for d in range(len(right_shape)) if d not in right_batch + right_sum]
        inner = prod(left_shape[d] for d in left_sum)
        batch = [left_shape[d] for d in left_batch]
        rows, columns = [left_shape[d] for d in left_free], [right_shape[d] for d in right_free]
        if batch:
            rows_flat = [prod(rows)]
        else:
            rows_flat = rows  # a matrix on the right serves rows of any rank
        left = self._arranged(lhs, left_batch + left_free + left_sum, [*batch, *rows_flat, inner])
        right = self._arranged(
            rhs, right_batch + right_sum + right_free, [*batch, inner, prod(columns)]
        )
        scope = _scope(str(node.location))
        name = identifier(source_name(module=scope, node="dot_general"))
        product = self._builder.emit(relax.op.matmul(left, right), name)
        self.scopes[product.name] = scope
        return self._arranged(product, None, [*batch, *rows, *columns])

    def _arranged(self, data: relax.Expr, axes: list[int] | None, shape: list[int]) -> relax.Expr:
        if axes is not None and axes != sorted(axes):
            data = self._emit(relax.op.permute_dims(data, axes))
        if [int(extent) for extent in data.ty.shape.values] != shape:
            data = self._emit(relax.op.reshape(data, shape))
        return data

    def _transpose(self, node: Any) -> relax.Expr:
        axes = list(node.attributes["permutation"])
        return self._emit(relax.op.permute_dims(*self._operands(node), axes))

    def _slice(self, node: Any) -> relax.Expr:
        (data,) = self._operands(node)
        start, stop, step = (
            list(node.attributes[name]) for name in ("start_indices", "limit_indices", "strides")
        )
        axes = list(range(len(start)))
        return self._emit(relax.op.strided_slice(data, axes, start, stop, step))

    def _concatenate(self, node: Any) -> relax.Expr:
        axis = ir.IntegerAttr(node.attributes["dimension"]).value
        return self._emit(relax.op.concat(self._operands(node), axis))

    def _compare(self, node: Any) -> relax.Expr:
        direction = re.findall("[A-Z]{2}", str(node.attributes["comparison_direction"]))[-1]
        operator = COMPARISONS[direction]
        return self._emit(operator(*self._operands(node)))

    def _clamp(self, node: Any) -> relax.Expr:
        low, data, high = self._operands(node)
        raised = self._emit(relax.op.maximum(data, low))
        return self._emit(relax.op.minimum(raised, high))

    def _reduce(self, node: Any) -> relax.Expr:
        data, *starts = self._operands(node)
        body = list(node.regions[0].blocks[0].operations)
        reducer, start = body[0].operation.name, node.operands[1].owner
        if len(starts) != 1 or len(body) != 2 or reducer not in REDUCTIONS:
            raise NotImplementedError(f"a reduction by {reducer}")
        operator, neutral = REDUCTIONS[reducer]
        attributes = getattr(start, "attributes", {})
        if "value" not in attributes or np.array(attributes["value"]) != neutral:
            raise NotImplementedError(f"a reduction by {reducer} that does not start at {neutral}")
        axes = list(node.attributes["dimensions"])
        return self._emit(operator(data, axis=axes))


def _place(location: str) -> str:
    """Return where an operation stands: in the source's scopes, or in the text.

    Examples
    --------
    >>> _place('loc("jit(f)/encoder/reduce"("model.py":3:0))')
    'jit(f)/encoder/reduce'
    >>> _place('loc("-":3:10)')
    'line 3'
    """
    found = re.match(r'loc\("([^"]*)"(?::(\d+))?', location)
    if found is None:
        return "without a location"
    return f"line {found[2]}" if found[2] else found[1]


def _scope(location: str) -> str:
    """Return the named scopes around a product, "" if there are none.

    Examples
    --------
    >>> _scope('loc("jit(f)/encoder/fc1/dot_general"("model.py":3:0))')
    'encoder/fc1'
    >>> _scope("loc(unknown)")
    ''
    """
    found = re.match(r'loc\("([^"]*)/dot_general"', location)
    return "/".join(part for part in found[1].split("/") if "(" not in part) if found else ""
