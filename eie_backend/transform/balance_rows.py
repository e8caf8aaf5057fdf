"""`BalanceRows`: reorder the outputs of dense layers to balance the load of the PEs.

PE k owns the outputs i with ``i mod P == k``, so the order of outputs determines a PE's weights.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
import tvm
from numpy.typing import NDArray
from tvm import IRModule, relax
from tvm.ir import Op
from tvm.ir.expr import GenericConst
from tvm.ir.transform import PassContext
from tvm.relax.expr_functor import PyExprMutator, mutator
from tvm.tirx import IntImm

from eie_backend.transform.layers import DenseLayer, is_matmul, layers_of, map_functions
from eie_backend.transform.module_pass import ModulePass

Order = NDArray[np.int64]
"""Permutation: output i of the reordered layer is output ``order[i]`` of the original layer."""

_UNARY = "abs clip erf exp negative sigmoid sqrt square tanh"
_ACTIVATIONS = "gelu gelu_tanh leakyrelu relu silu"
_BINARY = "add divide maximum minimum multiply subtract"
ELEMENTWISE = frozenset(
    [f"relax.{name}" for name in f"{_UNARY} {_BINARY}".split()]
    + [f"relax.nn.{name}" for name in _ACTIVATIONS.split()]
)
"""Element-wise operators: each output depends only on the same output of the operands."""


@tvm.transform.module_pass(opt_level=0, name="eie.BalanceRows")
class BalanceRows(ModulePass):
    """Reorder the outputs of dense layers; the order of the module's results does not change.

    Before -> after, for the order 1, 0 of fc1::

        fc1 = R.matmul(x, [[1, 2], [3, 4]])     ->  fc1 = R.matmul(x, [[2, 1], [4, 3]])
        lv = R.add(fc1, [5, 6])                     lv = R.add(fc1, [6, 5])
        lv1 = R.nn.relu(lv)                         lv1 = R.nn.relu(lv)
        fc2 = R.matmul(lv1, [[7], [8]])             fc2 = R.matmul(lv1, [[8], [7]])

    1. The order propagates through element-wise operators, whose constants are reordered, and
       through reshapes that keep the last dimension.
    2. A dense layer that reads the outputs has its columns reordered.
    3. All other readers, and the module's results, read an ``R.take`` that restores the old order.
    4. A layer with weights that other layers share is not reordered, and reads its input as in 3.
    5. Layers that `orders` does not name, and all other operations, are left alone.

    Values are the same in real numbers and where sums are exact; float32 sums of a layer that
    reads a reordered one round differently.

    Parameters
    ----------
    orders : mapping of str to ndarray, shape (outputs,), int64
        A permutation of its outputs by layer name.
    """

    def __init__(self, orders: Mapping[str, Order]) -> None:
        self.orders = orders

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the module with reordered layers."""
        movable = movable_layers(layers_of(mod))
        return map_functions(mod, lambda f: _Reorder(mod, f, movable, self.orders).visit_expr(f))


def movable_layers(layers: Iterable[DenseLayer]) -> set[str]:
    """Return the names of the dense layers that one matmul uses."""
    # 4.
    return {layer.name for layer in layers if len(layer.uses) == 1}


def order_sources(layers: Sequence[DenseLayer]) -> dict[str, str]:
    """Return the dense layers that read another layer's outputs in its order: that layer's name."""
    movable = movable_layers(layers)
    found = {}
    for layer in layers:
        use = layer.uses[0]
        source = carriers(use.function, movable).get(use.binding.value.args[0])
        if source is not None and layer.name in movable:
            found[layer.name] = source
    return found


def carriers(function: relax.Function, layers: Collection[str]) -> dict[relax.Expr, str]:
    """Return the variables that hold the outputs of one of `layers` in order: its name."""
    found: dict[relax.Expr, str] = {}
    for binding in (b for block in function.body.blocks for b in block.bindings):
        if is_matmul(binding.value):
            name = binding.var.name if binding.var.name in layers else None
        else:
            name = _carried(binding.value, found)
        if name is not None:
            found[binding.var] = name
    return found


def _carried(value: relax.Expr, found: Mapping[relax.Expr, str]) -> str | None:
    """Return the layer from whose outputs `value` is computed element by element, or None."""
    if isinstance(value, relax.Var):
        return found.get(value)
    if not isinstance(value, relax.Call) or not isinstance(value.op, Op):
        return None
    # 1.
    if value.op.name not in ELEMENTWISE and value.op.name != "relax.reshape":
        return None
    operands = [arg for arg in value.args if isinstance(arg, relax.Var)]
    sources = {found.get(operand) for operand in operands}
    # If an operand was reshaped or is broadcast along the outputs, the last dimension differs.
    extents = {_last_extent(one) for one in (value, *operands)}
    return sources.pop() if len(sources) == len(extents) == 1 else None


def _last_extent(value: relax.Expr) -> int:
    """Return the last dimension; 0 for a scalar, -1 if it is not known."""
    shape = getattr(value.ty, "shape", None)
    if shape is None:
        return -1
    extent = shape.values[-1] if len(shape.values) else 0
    return int(extent) if isinstance(extent, (int, IntImm)) else -1


@mutator
class _Reorder(PyExprMutator):
    """Mutator that keeps all variables, and reorders the contents of those in `carrier`."""

    def __init__(
        self,
        mod: IRModule,
        function: relax.Function,
        movable: Collection[str],
        orders: Mapping[str, Order],
    ) -> None:
        super().__init__(mod)
        self.movable = movable
        # 4. 5.
        self.rows = {name: order for name, order in orders.items() if name in self.movable}
        names = carriers(function, self.rows)
        self.carrier = {var: self.rows[name] for var, name in names.items()}

    def visit_var_binding_(self, binding: relax.VarBinding) -> None:
        """Reorder layers and the constants of operators after them."""
        var, value = binding.var, binding.value
        if is_matmul(value) and var.name in self.movable:
            reordered = self._layer(var, value)
        elif var in self.carrier and isinstance(value, relax.Call):  # 1.
            operands = [_outputs_last(arg, self.carrier[var]) for arg in value.args]
            reordered = relax.Call(value.op, operands, value.attrs)
        elif var in self.carrier:
            reordered = value
        else:
            super().visit_var_binding_(binding)
            return
        normal = self.builder_.normalize(reordered)
        self.builder_.emit_normalized(relax.VarBinding(var, normal))

    def visit_var_(self, var: relax.Var) -> relax.Expr:
        """Restore the old order for a reader that cannot be reordered."""
        if var not in self.carrier:
            return super().visit_var_(var)
        # 3.
        inverse = relax.const(np.argsort(self.carrier[var]), "int64")
        last = len(var.ty.shape.values) - 1
        return self.builder_.emit(relax.op.take(var, inverse, last, mode="clip"))

    visit_dataflow_var_ = visit_var_

    def _layer(self, var: relax.Var, value: relax.Call) -> relax.Call:
        x, constant = value.args
        weights = constant.value.numpy()
        # 2.
        if x in self.carrier:
            constant = relax.const(weights := weights[self.carrier[x]])
        else:
            x = self.visit_expr(x)  # 3.
        if var in self.carrier:
            constant = relax.const(weights[:, self.carrier[var]])
        return relax.Call(value.op, [x, constant], value.attrs)


def _outputs_last(operand: relax.Expr, order: Order) -> relax.Expr:
    """Reorder the last dimension of a constant operand; other operands are returned unchanged."""
    if isinstance(operand, GenericConst) and list(operand.value.shape)[-1:] == [order.size]:
        return relax.const(operand.value.numpy()[..., order], operand.value.dtype)
    return operand
