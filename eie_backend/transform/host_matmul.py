"""`HostMatmul`: multiply by NumPy's BLAS when a module runs on the host for measurements."""

from __future__ import annotations

from typing import Any

import numpy as np
import tvm
import tvm_ffi
from tvm import IRModule, relax
from tvm.ir.transform import PassContext
from tvm.relax.expr_functor import PyExprMutator, mutator

from eie_backend.transform.layers import is_matmul
from eie_backend.transform.module_pass import ModulePass

FUNCTION = "eie.host_matmul"


def _multiply(x: Any, weights: Any) -> Any:
    with np.errstate(invalid="ignore", over="ignore"):  # NaN and infinity are results, as in TVM
        product = np.matmul(np.from_dlpack(x), np.from_dlpack(weights))
    return tvm.runtime.tensor(product)


tvm_ffi.register_global_func(FUNCTION, _multiply, override=True)


@tvm.transform.module_pass(opt_level=0, name="eie.HostMatmul")
class HostMatmul(ModulePass):
    """Call NumPy for every product: TVM's LLVM code is slow, without blocking and vectors.

    Before -> after::

        fc1 = R.matmul(x, W)  ->  fc1 = R.call_pure_packed("eie.host_matmul", x, W)

    1. All other operations are left alone.
    2. The result runs only in this process.
    """

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the module with calls of NumPy."""
        replace = _Replace(mod)
        functions = {
            gvar: replace.visit_expr(function) if isinstance(function, relax.Function) else function
            for gvar, function in mod.functions_items()
        }
        return IRModule(functions, attrs=mod.attrs)


@mutator
class _Replace(PyExprMutator):
    def visit_call_(self, call: relax.Call) -> relax.Expr:
        visited = super().visit_call_(call)
        # 1.
        if not is_matmul(visited):
            return visited
        return relax.call_pure_packed(FUNCTION, *visited.args, ty_args=[call.ty])
