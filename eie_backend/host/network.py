"""`HostNetwork`: what a network computes in floating point, quickly compiled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tvm
from numpy.typing import NDArray
from tvm import IRModule, relax
from tvm.ir.expr import GenericConst

from eie_backend.transform.empty_constants import EmptyConstants
from eie_backend.transform.fold_constants import UNCHECKED
from eie_backend.transform.host_convolution import HostConvolution
from eie_backend.transform.host_elementwise import HostElementwise
from eie_backend.transform.host_matmul import HostMatmul, Observer
from eie_backend.transform.weights_as_inputs import WeightsAsInputs

QUICK = {"kind": "llvm", "opt-level": 0}
"""Optimising the rest of the code takes longer than running it."""


class HostNetwork:
    """A module's `main` on this computer.

    Products and convolutions are NumPy's, which take long to run, and so are operators of single
    elements, which take long to compile.

    Parameters
    ----------
    mod : IRModule
        Relax with static shapes.
    observers : mapping of relax.Var to callable, optional
        What gets the left operand of a product, by the product's variable, each time that a call
        computes it: an array whose memory is used again afterwards.
    weights : mapping of str to GenericConst, optional
        Constants that each call gives, after the inputs, by names of your own.
    """

    def __init__(
        self,
        mod: IRModule,
        observers: Mapping[relax.Var, Observer] | None = None,
        weights: Mapping[str, GenericConst] | None = None,
    ) -> None:
        self._observers = observers or {}
        passes = [
            HostMatmul(self._observers),
            HostConvolution(),
            HostElementwise(),
            WeightsAsInputs(weights or {}),
            EmptyConstants(),
        ]
        plain = tvm.transform.Sequential(passes)(mod)
        with tvm.transform.PassContext(config=UNCHECKED):
            executable = tvm.compile(plain, target=tvm.target.Target(QUICK))
        # All its code is there already: `jit` would link what has none, by a compiler.
        self._main = relax.VirtualMachine(executable.mod, tvm.cpu())["main"]

    def __call__(self, *inputs: Any) -> list[NDArray[Any]]:
        """Return the results for inputs of the module's shapes and dtypes, as one flat list.

        The next call may use their memory.
        """
        return [one.numpy() for one in _flat(self._main(*map(_tensor, inputs)))]


def _tensor(value: Any) -> Any:
    return value if isinstance(value, tvm.runtime.Tensor) else tvm.runtime.tensor(value)


def _flat(result: Any) -> list[Any]:
    if isinstance(result, tvm.runtime.Tensor):
        return [result]
    return [one for field in result for one in _flat(field)]
