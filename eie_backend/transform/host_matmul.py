"""`HostMatmul`: multiply by NumPy's BLAS when a module runs on the host for measurements."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import tvm
import tvm_ffi
from numpy.typing import NDArray
from tvm import IRModule, relax
from tvm.ir.transform import PassContext
from tvm.relax.expr_functor import PyExprMutator, mutator

from eie_backend.transform.layers import MATRIX_RANK, is_matmul
from eie_backend.transform.module_pass import ModulePass

FUNCTION = "eie.host_matmul"
OBSERVED = "eie.observed_host_matmul"

Observer = Callable[[NDArray[Any]], None]
"""What gets the left operand of a product; it keeps none of its memory."""

_numbers = count()
_observers = WeakValueDictionary[int, Observer]()


def _multiply(x: Any, weights: Any) -> Any:
    left, right = np.from_dlpack(x), np.from_dlpack(weights)
    with np.errstate(invalid="ignore", over="ignore"):  # NaN and infinity are results, as in TVM
        if right.ndim == MATRIX_RANK and left.size:
            # NumPy would multiply matrix by matrix, which is many times slower for convolutions.
            rows = np.matmul(left.reshape(-1, left.shape[-1]), right)
            product = rows.reshape(*left.shape[:-1], right.shape[1])
        else:
            product = np.matmul(left, right)
    return tvm.runtime.tensor(product)


def _observe(number: int, x: Any, weights: Any) -> Any:
    _observers[number](np.from_dlpack(x))
    return _multiply(x, weights)


tvm_ffi.register_global_func(FUNCTION, _multiply, override=True)
tvm_ffi.register_global_func(OBSERVED, _observe, override=True)


@tvm.transform.module_pass(opt_level=0, name="eie.HostMatmul")
class HostMatmul(ModulePass):
    """Call NumPy for every product: TVM's LLVM code is slow, without blocking and vectors.

    Before -> after::

        fc1 = R.matmul(x, W)  ->  fc1 = R.call_pure_packed("eie.host_matmul", x, W)

    1. All other operations are left alone.
    2. The result runs only in this process.
    3. The observer of a product, by its variable, gets the left operand each time that it is
       computed. It must live as long as the module runs.
    """

    def __init__(self, observers: Mapping[relax.Var, Observer] | None = None) -> None:
        self.observers = observers or {}

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the module with calls of NumPy."""
        replace = _Replace(mod, self.observers)
        functions = {
            gvar: replace.visit_expr(function) if isinstance(function, relax.Function) else function
            for gvar, function in mod.functions_items()
        }
        return IRModule(functions, attrs=mod.attrs)


@mutator
class _Replace(PyExprMutator):
    def __init__(self, mod: IRModule, observers: Mapping[relax.Var, Observer]) -> None:
        super().__init__(mod)
        self.observers = observers

    def visit_var_binding_(self, binding: relax.VarBinding) -> None:
        observer = self.observers.get(binding.var)
        # 3.
        if observer is not None:
            number = next(_numbers)
            _observers[number] = observer
            call = binding.value
            args = [relax.prim_value(number), *call.args]
            observed = relax.call_pure_packed(OBSERVED, *args, ty_args=[call.ty])
            binding = relax.VarBinding(binding.var, observed)
        super().visit_var_binding_(binding)

    def visit_call_(self, call: relax.Call) -> relax.Expr:
        visited = super().visit_call_(call)
        # 1.
        if not is_matmul(visited):
            return visited
        return relax.call_pure_packed(FUNCTION, *visited.args, ty_args=[call.ty])
