"""`HostElementwise`: compute element by element by NumPy when a module runs for measurements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tvm
import tvm_ffi
from numpy.typing import NDArray
from tvm import IRModule, relax
from tvm.ir import Op, StringImm
from tvm.ir.transform import PassContext
from tvm.relax.expr_functor import PyExprMutator, mutator

from eie_backend.transform.layers import map_functions
from eie_backend.transform.module_pass import ModulePass

FUNCTION = "eie.host_elementwise"
DTYPE = "float32"


def _relu(x: NDArray[Any]) -> NDArray[Any]:
    positive: NDArray[Any] = np.fmax(x, np.float32(0))  # of NaN, TVM's is 0, too
    return positive


def _sigmoid(x: NDArray[Any]) -> NDArray[Any]:
    logistic: NDArray[Any] = np.reciprocal(1 + np.exp(-x))
    return logistic


OPERATORS: dict[str, Callable[..., NDArray[Any]]] = {
    "relax.abs": np.abs,
    "relax.add": np.add,
    "relax.divide": np.divide,
    "relax.exp": np.exp,
    "relax.multiply": np.multiply,
    "relax.negative": np.negative,
    "relax.nn.relu": _relu,
    "relax.sigmoid": _sigmoid,
    "relax.sqrt": np.sqrt,
    "relax.subtract": np.subtract,
    "relax.tanh": np.tanh,
}
"""NumPy's functions of the same values, by operator."""


def _compute(operator: str, *operands: Any) -> Any:
    with np.errstate(all="ignore"):  # NaN and infinity are results, as in TVM
        found = OPERATORS[operator](*map(np.from_dlpack, operands))
    return tvm.runtime.tensor(np.ascontiguousarray(found))


tvm_ffi.register_global_func(FUNCTION, _compute, override=True)


@tvm.transform.module_pass(opt_level=0, name="eie.HostElementwise")
class HostElementwise(ModulePass):
    """Call NumPy for operators that compute each float32 element alone.

    To compile even one of them takes several times as long as all the rest of a small network.

    Before -> after::

        lv = R.add(fc1, b)  ->  lv = R.call_pure_packed("eie.host_elementwise", "relax.add", fc1, b)

    1. Other operators, and those of other types, are left alone.
    2. The result runs only in this process.
    """

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the module with calls of NumPy."""
        return map_functions(mod, lambda function: _Replace(mod).visit_expr(function))


@mutator
class _Replace(PyExprMutator):
    def visit_call_(self, call: relax.Call) -> relax.Expr:
        visited = super().visit_call_(call)
        # 1.
        if not isinstance(visited.op, Op) or visited.op.name not in OPERATORS:
            return visited
        if any(getattr(value.ty, "dtype", "") != DTYPE for value in (call, *visited.args)):
            return visited
        name = StringImm(visited.op.name)
        return relax.call_pure_packed(FUNCTION, name, *visited.args, ty_args=[call.ty])
