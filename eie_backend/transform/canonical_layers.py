"""`CanonicalLayers`: weights on the right of their matmul."""

from __future__ import annotations

import numpy as np
import tvm
from tvm import IRModule, relax
from tvm.ir.expr import GenericConst
from tvm.ir.transform import PassContext
from tvm.relax.expr_functor import PyExprMutator, mutator

from eie_backend.transform.layers import (
    is_call,
    is_constant_matrix,
    is_matmul,
    map_functions,
)
from eie_backend.transform.module_pass import ModulePass
from eie_backend.transform.rename_layers import rename_layers


@tvm.transform.module_pass(opt_level=0, name="eie.CanonicalLayers")
class CanonicalLayers(ModulePass):
    """Write the layers of every importer as ``R.matmul(x, W)``.

    Before -> after::

        R.matmul(W, x)     ->  lv = R.permute_dims(x)    # not for a vector x
                               lv1 = R.matmul(lv, W')
                               R.permute_dims(lv1)

    1. The left operand is a constant matrix, the right one is not a constant.
    """

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the module with canonical layers."""
        names: dict[relax.Var, str] = {}
        return rename_layers(map_functions(mod, _Rewrite(mod, names).visit_expr), names)


@mutator
class _Rewrite(PyExprMutator):
    """Mutator that records in `names` what layers with a transposed result are to be called."""

    def __init__(self, mod: IRModule, names: dict[relax.Var, str]) -> None:
        super().__init__(mod)
        self.names = names

    def visit_var_binding_(self, binding: relax.VarBinding) -> None:
        value = self.visit_expr(binding.value)
        # 1.
        if is_matmul(value) and is_constant_matrix(value.args[0]):
            value = _weights_on_the_right(self.builder_, value)
            product = value.args[0]
            if is_call(value, "relax.permute_dims"):
                self.names[product] = binding.var.name
        super().visit_var_binding_(relax.VarBinding(binding.var, value))


def _weights_on_the_right(builder: relax.BlockBuilder, matmul: relax.Call) -> relax.Expr:
    weights, x = matmul.args
    rank = int(x.ty.ndim)
    # 1.
    if isinstance(x, GenericConst) or rank < 1:
        return matmul
    transposed = relax.const(np.ascontiguousarray(weights.value.numpy().T), weights.value.dtype)
    out_dtype = matmul.attrs.out_dtype
    if rank == 1:
        return relax.op.matmul(x, transposed, out_dtype)
    swapped = [*range(rank - 2), rank - 1, rank - 2]
    columns = builder.emit(relax.op.permute_dims(x, swapped))
    product = builder.emit(relax.op.matmul(columns, transposed, out_dtype))
    return relax.op.permute_dims(product, swapped)
