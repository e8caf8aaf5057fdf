"""`Normalize`: bring every importer's dense layers into one form."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import tvm
from tvm import IRModule, relax
from tvm.ir.transform import PassContext
from tvm.relax.expr_functor import PyExprMutator, mutator

from eie_backend.transform.layers import (
    constant_weights,
    is_layer,
    map_functions,
    matmuls_by_layer,
    replace_operands,
)
from eie_backend.transform.module_pass import ModulePass

FOLDING = [
    relax.transform.ConvertToDataflow(min_size=1),
    # Before folding: a recurrent network transposes its weights at every time step.
    relax.transform.EliminateCommonSubexpr(),
    # Transposed Gemm weights arrive as permute_dims of a constant; folding makes them constants.
    relax.transform.FoldConstant(),
    relax.transform.CanonicalizeBindings(),
    relax.transform.DeadCodeElimination(),
]


@tvm.transform.module_pass(opt_level=0, name="eie.Normalize")
class Normalize(ModulePass):
    """Fold constants so that a layer's weights are one constant (inputs, outputs), and name layers.

    Before -> after::

        lv = R.permute_dims(W)          ->  lv1 = R.matmul(x, W')
        lv1 = R.matmul(x, lv)

    1. Weights behind constant operations become constants.
    2. Names of matmul and convolution variables become unique in the module, and are kept
       otherwise.
    3. Applying it twice changes nothing.
    4. Equal weights become one constant, which is one layer however often it is used.
    """

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the normalised module."""
        folded = tvm.transform.Sequential(FOLDING)(mod)
        return rename_layers(_unify_weights(folded), {})


def _unify_weights(mod: IRModule) -> IRModule:
    """Return the module with one constant for all equal float32 weights."""
    operands = [
        use.binding.value.args[1]
        for use, *_ in matmuls_by_layer(mod)
        if constant_weights(use.binding.value) is not None
    ]
    shapes = [tuple(map(int, operand.value.shape)) for operand in operands]
    first: dict[tuple[tuple[int, ...], bytes], relax.Expr] = {}
    changed: dict[relax.Expr, relax.Expr] = {}
    for operand, shape in zip(operands, shapes, strict=True):
        if shapes.count(shape) == 1:
            continue
        digest = hashlib.sha256(operand.value.numpy().tobytes()).digest()
        kept = first.setdefault((shape, digest), operand)
        if not kept.same_as(operand):
            changed[operand] = kept
    return replace_operands(mod, changed) if changed else mod


def rename_layers(mod: IRModule, names: Mapping[str, str]) -> IRModule:
    """Return the module with matmul and convolution variables renamed and made unique."""
    taken: set[str] = set()

    def unique(name: str) -> str:
        number, candidate = 1, name
        while candidate in taken:
            number, candidate = number + 1, f"{name}_{number}"
        taken.add(candidate)
        return candidate

    @mutator
    class Rename(PyExprMutator):
        def visit_var_binding_(self, binding: relax.VarBinding) -> None:
            old = binding.var
            if not is_layer(binding.value):
                super().visit_var_binding_(binding)
                return
            new = type(old)(unique(names.get(old.name, old.name)), old.ty)
            self.builder_.emit_normalized(relax.VarBinding(new, self.visit_expr(binding.value)))
            self.set_var_remap(old, new)

    return map_functions(mod, Rename(mod).visit_expr)
