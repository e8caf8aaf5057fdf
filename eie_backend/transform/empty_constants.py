"""`EmptyConstants`: make tensors without values where they are used; no file can hold them."""

from __future__ import annotations

import tvm
from tvm import IRModule, relax
from tvm.ir import StringImm
from tvm.ir.expr import GenericConst
from tvm.ir.transform import PassContext
from tvm.relax.expr_functor import PyExprMutator, mutator

from eie_backend.transform.layers import map_functions
from eie_backend.transform.module_pass import ModulePass

EMPTY = "eie.empty"
"""Function of the C++ runtime: a tensor of a shape and dtype, not set."""


@tvm.transform.module_pass(opt_level=0, name="eie.EmptyConstants")
class EmptyConstants(ModulePass):
    """Replace constants of no values: TVM writes them into a library and cannot read them back.

    Before -> after::

        lv = R.concat((x, const(shape=(1, 0, 3))), axis=1)  ->
            lv = R.call_pure_packed("eie.empty", [1, 0, 3], "float32")
            lv1 = R.concat((x, lv), axis=1)

    Constant folding leaves the call alone.
    """

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the module without empty constants."""
        replace = _Replace(mod)
        replaced = map_functions(mod, replace.visit_expr)
        return replaced if replace.found else mod


@mutator
class _Replace(PyExprMutator):
    def __init__(self, mod: IRModule) -> None:
        super().__init__(mod)
        self.found = False

    def visit_generic_const_(self, constant: GenericConst) -> relax.Expr:
        shape = [int(extent) for extent in constant.value.shape]
        if 0 not in shape:
            return constant
        self.found = True
        call = relax.call_pure_packed(
            EMPTY,
            relax.ShapeExpr(shape),
            StringImm(str(constant.value.dtype)),
            ty_args=[relax.TensorType(shape, str(constant.value.dtype))],
        )
        return self.builder_.emit(call, "empty")
