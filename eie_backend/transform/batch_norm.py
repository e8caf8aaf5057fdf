"""`FoldBatchNorm`: fold inference batch normalisation into the layer before it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import tvm
from numpy.typing import NDArray
from tvm import IRModule, relax
from tvm.ir.expr import GenericConst
from tvm.ir.transform import PassContext
from tvm.relax.expr_functor import PyExprMutator, mutator

from eie_backend.transform.convolution import (
    TRANSPOSED,
    Convolution,
    channel_values,
    is_convolution,
)
from eie_backend.transform.layers import (
    is_call,
    is_constant_matrix,
    is_matmul,
    is_shared,
    map_functions,
)
from eie_backend.transform.module_pass import ModulePass


@tvm.transform.module_pass(opt_level=0, name="eie.FoldBatchNorm")
class FoldBatchNorm(ModulePass):
    """Fold a batch norm into the weights and the bias of the layer before it.

    Before -> after::

        conv1 = R.nn.conv2d(x, W)                     ->  conv1 = R.nn.conv2d(x, W * s)
        lv = R.add(conv1, b)                              lv2 = R.add(conv1, (b - m) * s + beta)
        lv1 = R.nn.batch_norm(lv, gamma, beta, m, v)
        lv2 = lv1[0]                                      # s = gamma / sqrt(v + epsilon)

    1. The batch norm's parameters are float32 constants, and it is not in training mode.
    2. The layer before it is a convolution or a matmul with constant float32 weights, with or
       without a constant bias, and its outputs are the channels.
    3. Nothing else reads the layer's result, before or after the bias, or another result of the
       batch norm.
    4. The weights are not shared: scaling by channel would require to share them again.
    5. Other batch norms are left alone and run on the host.
    """

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the module with batch norms folded."""
        found: list[relax.Var] = []
        folded = map_functions(
            mod, lambda function: _Fold(mod, function, found).visit_expr(function)
        )
        if not found:
            return mod
        cleaned: IRModule = relax.transform.DeadCodeElimination()(folded)
        return cleaned


@mutator
class _Fold(PyExprMutator):
    """Mutator that folds a function's batch norms and records their result variables in `found`."""

    def __init__(self, mod: IRModule, function: relax.Function, found: list[relax.Var]) -> None:
        super().__init__(mod)
        self.found = found
        bindings = [b for block in function.body.blocks for b in block.bindings]
        self.bound = {b.var: b.value for b in bindings}
        self.reads = Counter(v for b in bindings for v in relax.analysis.free_vars(b.value))
        self.reads.update(relax.analysis.free_vars(function.body.body))

    def visit_var_binding_(self, binding: relax.VarBinding) -> None:
        folded = self._fold(binding.value)
        if folded is None:
            super().visit_var_binding_(binding)  # 5.
            return
        self.found.append(binding.var)
        new = type(binding.var)(binding.var.name, binding.var.ty)
        self.builder_.emit_normalized(relax.VarBinding(new, self.builder_.normalize(folded)))
        self.set_var_remap(binding.var, new)

    def _fold(self, value: relax.Expr) -> relax.Expr | None:
        """Emit the folded layer of a batch norm's result; return its sum with the new bias."""
        norm = self._norm(value)
        if norm is None:
            return None
        data, *parameters = norm.args
        gamma, beta, mean, variance = (p.value.numpy().astype(np.float64) for p in parameters)
        axis, rank, channels = int(norm.attrs.axis), int(data.ty.ndim), gamma.size
        bias: NDArray[np.float32] | None = np.zeros(channels, np.float32)
        source = data
        # 2.
        if is_call(self._inner(data), "relax.add"):
            operands = self._inner(data).args
            constants = [o for o in operands if isinstance(o, GenericConst)]
            variables = [o for o in operands if isinstance(o, relax.Var)]
            if len(constants) != 1 or len(variables) != 1:
                return None
            bias, source = channel_values(constants[0], channels, axis, rank), variables[0]
        layer = self._inner(source)
        output_axis = outputs_at(layer, axis, rank)
        # 2. 4.
        if bias is None or output_axis is None or is_shared(layer.args[1].value.numpy()):
            return None
        with np.errstate(invalid="ignore", divide="ignore"):  # `dense_layers` reports NaN later
            scale = gamma / np.sqrt(variance + norm.attrs.epsilon)
        weights = layer.args[1].value.numpy()
        shape = [-1 if at == output_axis else 1 for at in range(weights.ndim)]
        operands = [self.visit_expr(layer.args[0]), _constant(weights * scale.reshape(shape))]
        scaled = self.builder_.normalize(relax.Call(layer.op, operands, layer.attrs))
        var = relax.DataflowVar(source.name, source.ty)
        self.builder_.emit_normalized(relax.VarBinding(var, scaled))
        shift = (bias - mean) * scale + beta
        place = [channels if at == axis else 1 for at in range(rank)]
        return relax.op.add(var, _constant(shift.reshape(place)))

    def _norm(self, value: relax.Expr) -> relax.Call | None:
        """Return the call of an inference batch norm whose first result is `value`."""
        if not isinstance(value, relax.TupleGetItem) or value.index != 0:
            return None
        norm = self._inner(value.tuple_value)
        if not is_call(norm, "relax.nn.batch_norm"):
            return None
        # 1.
        constant = all(
            isinstance(p, GenericConst) and str(p.value.dtype) == "float32" for p in norm.args[1:]
        )
        plain = norm.attrs.scale and norm.attrs.center and not norm.attrs.training
        return norm if constant and plain else None

    def _inner(self, value: relax.Expr) -> relax.Expr:
        """Return the value of a variable that is read once, inside its block; otherwise `value`."""
        # 3.
        inner = isinstance(value, relax.DataflowVar) and self.reads[value] == 1
        return self.bound.get(value, value) if inner else value


def outputs_at(layer: relax.Expr, axis: int, rank: int) -> int | None:
    """Return the axis of a layer's constant weights that becomes axis `axis` of its result."""
    # 2.
    if is_matmul(layer) and is_constant_matrix(layer.args[1]):
        found = 1 if axis == rank - 1 else None
    elif is_convolution(layer) and layer.op.name not in TRANSPOSED:
        read = Convolution("", layer)
        by_channels = axis == read.out_layout.find("C")
        found = read.kernel_layout.index("O") if by_channels else None
    else:
        return None
    weights = layer.args[1]
    is_float = isinstance(weights, GenericConst) and str(weights.value.dtype) == "float32"
    return found if is_float else None


def _constant(values: NDArray[np.floating]) -> relax.Constant:
    return relax.const(values.astype(np.float32))
