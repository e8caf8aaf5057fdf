"""`Normalize`: bring every importer's dense layers into one form."""

from __future__ import annotations

from collections.abc import Mapping

import tvm
from tvm import IRModule, relax
from tvm.ir.transform import PassContext
from tvm.relax.expr_functor import PyExprMutator, mutator

from eie_backend.transform.layers import is_layer
from eie_backend.transform.module_pass import ModulePass

FOLDING = [
    relax.transform.ConvertToDataflow(min_size=1),
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
    """

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the normalised module."""
        return rename_layers(tvm.transform.Sequential(FOLDING)(mod), {})


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

    rename = Rename(mod)
    functions = {
        gvar: rename.visit_expr(function) if isinstance(function, relax.Function) else function
        for gvar, function in mod.functions_items()
    }
    return IRModule(functions, attrs=mod.attrs)
