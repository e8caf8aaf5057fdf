"""`HostNetwork`: what a network computes in floating point, quickly compiled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tvm
from numpy.typing import NDArray
from tvm import IRModule, relax
from tvm.ir.expr import GenericConst

from eie_backend.host.returning import returning
from eie_backend.transform.empty_constants import EmptyConstants
from eie_backend.transform.host_convolution import HostConvolution
from eie_backend.transform.host_matmul import HostMatmul
from eie_backend.transform.weights_as_inputs import WeightsAsInputs

QUICK = {"kind": "llvm", "opt-level": 0}
"""Optimising the rest of the code takes longer than running it."""


class HostNetwork:
    """A module's `main` on this computer.

    Products and convolutions are NumPy's: of all operators, they alone take long to run.

    Parameters
    ----------
    mod : IRModule
        Relax with static shapes.
    wanted : sequence of relax.Var, optional
        Variables whose values are the results, in place of those of `main`; they are variables of
        `main`, or of functions that it calls.
    weights : mapping of str to GenericConst, optional
        Constants that each call gives, after the inputs, by names of your own.
    """

    def __init__(
        self,
        mod: IRModule,
        wanted: Sequence[relax.Var] | None = None,
        weights: Mapping[str, GenericConst] | None = None,
    ) -> None:
        shown = mod if wanted is None else returning(mod, wanted)
        passes = [HostMatmul(), HostConvolution(), WeightsAsInputs(weights or {}), EmptyConstants()]
        plain = tvm.transform.Sequential(passes)(shown)
        executable = tvm.compile(plain, target=tvm.target.Target(QUICK))
        self._main = relax.VirtualMachine(executable, tvm.cpu())["main"]

    def __call__(self, *inputs: Any) -> list[NDArray[Any]]:
        """Return the results for inputs of the module's shapes and dtypes, as one flat list.

        The next call may use their memory.
        """
        return [one for values in self.grouped(*inputs) for one in values]

    def grouped(self, *inputs: Any) -> list[list[NDArray[Any]]]:
        """Return the results with those of each wanted variable together: one for each call."""
        result = self._main(*map(_tensor, inputs))
        fields = [result] if isinstance(result, tvm.runtime.Tensor) else result
        return [[one.numpy() for one in _flat(field)] for field in fields]


def _tensor(value: Any) -> Any:
    return value if isinstance(value, tvm.runtime.Tensor) else tvm.runtime.tensor(value)


def _flat(result: Any) -> list[Any]:
    if isinstance(result, tvm.runtime.Tensor):
        return [result]
    return [one for field in result for one in _flat(field)]
