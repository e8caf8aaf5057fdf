"""Find the dense layers of a Relax module and rewrite their weights.

A layer is a float32 ``R.matmul`` whose right operand is a constant matrix (inputs, outputs).
Its name is the name of the variable that the matmul is bound to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import tvm
from numpy.typing import NDArray
from tvm import IRModule, relax
from tvm.ir import Op
from tvm.ir.expr import GenericConst
from tvm.relax.expr_functor import PyExprMutator, mutator

from eie_backend.errors import ModelError
from eie_backend.spool import release

MATRIX_RANK = 2

ALIGNMENT_BYTES = 64
"""Alignment of a tensor that TVM takes as it is."""


@dataclass(frozen=True, eq=False)
class DenseLayer:
    """A dense layer: its name, its weights (outputs, inputs) float32, and where it stands."""

    name: str
    weights: NDArray[np.float32]
    binding: relax.VarBinding
    function: relax.Function


def is_call(value: relax.Expr, operator: str) -> bool:
    """Return whether `value` calls the operator of that name."""
    return (
        isinstance(value, relax.Call)
        and isinstance(value.op, Op)
        and bool(value.op.name == operator)
    )


def is_matmul(value: relax.Expr) -> bool:
    """Return whether `value` is a call of ``R.matmul``."""
    return is_call(value, "relax.matmul")


def is_constant_matrix(operand: relax.Expr) -> bool:
    """Return whether an operand is a constant of rank 2."""
    return isinstance(operand, GenericConst) and len(operand.value.shape) == MATRIX_RANK


def constant_array(constant: GenericConst) -> NDArray[Any]:
    """Return a constant's values without a copy; they are read-only."""
    values: NDArray[Any] = np.from_dlpack(constant.value)
    values.flags.writeable = False
    return values


def make_tensor(values: NDArray[Any]) -> tvm.runtime.Tensor:
    """Return a tensor with a copy of `values`, whatever their strides, and no other copy."""
    tensor = tvm.runtime.empty(values.shape, str(values.dtype))
    np.from_dlpack(tensor)[...] = values
    return tensor


def new_like(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return weights of the same shape, not set yet, that a constant takes without a copy."""
    like: NDArray[Any] = np.from_dlpack(tvm.runtime.empty(weights.T.shape, "float32")).T
    return like


def _as_tensor(values: NDArray[np.float32]) -> tvm.runtime.Tensor:
    aligned = values.ctypes.data % ALIGNMENT_BYTES == 0
    if aligned and values.flags.c_contiguous and values.flags.writeable:
        return tvm.runtime.from_dlpack(values)
    return make_tensor(values)


def constant_weights(value: relax.Expr) -> NDArray[np.float32] | None:
    """Return a view of a matmul's constant float32 weights as (outputs, inputs), or None."""
    operand = value.args[1]
    if is_constant_matrix(operand) and str(operand.value.dtype) == "float32":
        return constant_array(operand).T
    return None


def matmuls(mod: IRModule) -> Iterator[tuple[relax.VarBinding, relax.Function]]:
    """Yield every matmul binding of the module's Relax functions, in order."""
    for _, function in mod.functions_items():
        if not isinstance(function, relax.Function):
            continue
        for block in function.body.blocks:
            for binding in block.bindings:
                if isinstance(binding, relax.VarBinding) and is_matmul(binding.value):
                    yield binding, function


def dense_layers(mod: IRModule) -> list[DenseLayer]:
    """Return the dense layers of a normalised module, in order.

    Raises
    ------
    ModelError
        If weights or biases are NaN or infinite; every such layer is named.
    """
    layers = [
        DenseLayer(binding.var.name, weights, binding, function)
        for binding, function in matmuls(mod)
        if (weights := constant_weights(binding.value)) is not None
    ]
    faults: list[str] = []
    for layer in layers:
        faults += _faults(layer)
        release(layer.weights)
    if faults:
        raise ModelError("; ".join(faults) + "; repair the model")
    return layers


def is_bias(operand: relax.Expr, outputs: int) -> bool:
    """Return whether an operand of an addition is a float32 constant for each of `outputs`."""
    if not isinstance(operand, GenericConst) or str(operand.value.dtype) != "float32":
        return False
    shape = [int(extent) for extent in operand.value.shape]
    return shape[-1:] == [outputs] and prod(shape) == outputs


def epilogue(layer: DenseLayer) -> tuple[NDArray[np.float32] | None, bool]:
    """Return a layer's bias (outputs,) or None, and whether ReLU follows."""
    bindings = [b for block in layer.function.body.blocks for b in block.bindings]
    bias: NDArray[np.float32] | None = None
    result = layer.binding.var
    for binding in bindings:
        operands = list(binding.value.args) if is_call(binding.value, "relax.add") else []
        biases = [operand for operand in operands if is_bias(operand, len(layer.weights))]
        if biases and any(operand.same_as(result) for operand in operands):
            bias, result = constant_array(biases[0]).reshape(-1), binding.var
            break
    return bias, any(
        is_call(b.value, "relax.nn.relu") and b.value.args[0].same_as(result) for b in bindings
    )


def _faults(layer: DenseLayer) -> Iterator[str]:
    for kind, values in (("weights", layer.weights), ("biases", epilogue(layer)[0])):
        # The extremes tell without an array as large as the layer.
        if values is None or np.isfinite([values.min(initial=0), values.max(initial=0)]).all():
            continue
        if bad := int(np.count_nonzero(~np.isfinite(values))):
            yield f"{layer.name}: {bad} of {values.size} {kind} are NaN or infinite"


def map_weights(
    mod: IRModule, change: Callable[[str, NDArray[np.float32]], NDArray[np.float32]]
) -> IRModule:
    """Return the module with every layer's weights (outputs, inputs) replaced by `change`.

    `change` takes the layer's name and weights and returns weights of the same shape; a layer
    whose weights it returns as they are keeps its constant.
    """

    @mutator
    class Rewrite(PyExprMutator):
        def visit_var_binding_(self, binding: relax.VarBinding) -> None:
            value = binding.value
            weights = constant_weights(value) if is_matmul(value) else None
            if weights is not None:
                changed = change(binding.var.name, weights)
                release(weights)
                if changed is not weights:
                    constant = relax.const(_as_tensor(changed.T))
                    call = relax.Call(value.op, [value.args[0], constant], value.attrs)
                    binding = relax.VarBinding(binding.var, call)
            super().visit_var_binding_(binding)

    rewrite = Rewrite(mod)
    functions = {
        gvar: rewrite.visit_expr(function) if isinstance(function, relax.Function) else function
        for gvar, function in mod.functions_items()
    }
    return IRModule(functions, attrs=mod.attrs)
