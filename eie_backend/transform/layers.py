"""Find the dense layers of a Relax module and rewrite their weights.

A layer is a ``R.matmul`` whose right operand is a constant matrix of shape (inputs, outputs).
Its name is the name of the variable that the matmul is bound to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tvm import IRModule, relax
from tvm.ir.expr import GenericConst
from tvm.relax.expr_functor import PyExprMutator, mutator

from eie_backend.errors import ModelError

MATRIX_RANK = 2


@dataclass(frozen=True, eq=False)
class DenseLayer:
    """A dense layer: its name, its weights (outputs, inputs) float32, and where it stands."""

    name: str
    weights: NDArray[np.float32]
    binding: relax.VarBinding
    function: relax.Function


def is_matmul(value: relax.Expr) -> bool:
    """Return whether `value` is a call of ``R.matmul``."""
    return isinstance(value, relax.Call) and value.op.name == "relax.matmul"


def constant_weights(value: relax.Expr) -> NDArray[np.float32] | None:
    """Return a matmul's constant weights as (outputs, inputs), or None."""
    operand = value.args[1]
    if isinstance(operand, GenericConst) and len(operand.value.shape) == MATRIX_RANK:
        weights: NDArray[np.float32] = operand.value.numpy().T
        return weights
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
        If weights are NaN or infinite; every such layer is named.
    """
    layers = [
        DenseLayer(binding.var.name, weights, binding, function)
        for binding, function in matmuls(mod)
        if (weights := constant_weights(binding.value)) is not None
    ]
    faults = [
        f"{layer.name}: {count} of {layer.weights.size} weights are NaN or infinite"
        for layer in layers
        if (count := int(np.count_nonzero(~np.isfinite(layer.weights))))
    ]
    if faults:
        raise ModelError("; ".join(faults) + "; repair the model's weights")
    return layers


def map_weights(
    mod: IRModule, change: Callable[[str, NDArray[np.float32]], NDArray[np.float32]]
) -> IRModule:
    """Return the module with every layer's weights (outputs, inputs) replaced by `change`.

    `change` takes the layer's name and weights and returns weights of the same shape.
    """

    @mutator
    class Rewrite(PyExprMutator):
        def visit_var_binding_(self, binding: relax.VarBinding) -> None:
            value = binding.value
            weights = constant_weights(value) if is_matmul(value) else None
            if weights is not None:
                changed = np.ascontiguousarray(change(binding.var.name, weights).T)
                constant = relax.const(changed, value.args[1].value.dtype)
                call = relax.Call(value.op, [value.args[0], constant], value.attrs)
                binding = relax.VarBinding(binding.var, call)
            super().visit_var_binding_(binding)

    rewrite = Rewrite(mod)
    functions = {
        gvar: rewrite.visit_expr(function) if isinstance(function, relax.Function) else function
        for gvar, function in mod.functions_items()
    }
    return IRModule(functions, attrs=mod.attrs)
