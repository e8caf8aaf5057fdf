"""Read a lowered ``eie`` function: its kernel calls in order, and the data flow between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tvm import IRModule, relax
from tvm.ir import GlobalVar
from tvm.tirx import PrimFunc

from eie_backend.transform.attributes import LAYER
from eie_backend.transform.layers import constant_array


@dataclass(frozen=True, eq=False)
class KernelCall:
    """One layer of a lowered function.

    `source` is the number of the call that computes its input, or -1 for the function's parameter.
    `weights` is (outputs, inputs), `bias` (outputs,) or None, both float32.
    """

    gvar: GlobalVar
    kernel: PrimFunc
    source: int
    weights: NDArray[np.float32]
    bias: NDArray[np.float32] | None

    @property
    def layer(self) -> str:
        """Name of the source layer."""
        return str(self.kernel.attrs[LAYER])


def kernel_calls(mod: IRModule, function: relax.Function) -> tuple[list[KernelCall], list[int]]:
    """Return the kernel calls of `function`, and the number of the call that makes each result."""
    calls: list[KernelCall] = []
    maker = dict.fromkeys(function.params, -1)
    for binding in (b for block in function.body.blocks for b in block.bindings):
        value = binding.value
        if isinstance(value, relax.Call) and value.op.name == "relax.call_tir":
            gvar, operands = value.args[0], value.args[1].fields
            weights, *bias = map(constant_array, operands[1:])
            maker[binding.var] = len(calls)
            calls.append(
                KernelCall(
                    gvar, mod[gvar], maker[operands[0]], weights.T, bias[0] if bias else None
                )
            )
        elif isinstance(value, relax.Call):
            maker[binding.var] = maker[value.args[0]]
        elif isinstance(value, relax.Var):
            maker[binding.var] = maker[value]
        else:
            maker[binding.var] = -1
    return calls, [maker[result] for result in _results(function)]


def _results(function: relax.Function) -> list[relax.Var]:
    bound = {b.var: b.value for block in function.body.blocks for b in block.bindings}
    result = bound.get(function.body.body, function.body.body)
    return list(result.fields) if isinstance(result, relax.Tuple) else [function.body.body]
