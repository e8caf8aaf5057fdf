"""`on_host`: what a module computes, on TVM's LLVM build, quickly compiled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tvm
from numpy.typing import NDArray
from tvm import IRModule, relax

from eie_backend.transform.host_convolution import HostConvolution
from eie_backend.transform.host_matmul import HostMatmul

QUICK = {"kind": "llvm", "opt-level": 0}
"""Optimising code takes longer than running it once."""


def on_host(mod: IRModule, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Return the results of a module's `main`.

    Products and convolutions are NumPy's: of all operators, they alone take long to run.

    Parameters
    ----------
    mod : IRModule
        Relax with static shapes.
    inputs : sequence of array
        In the order of `main`'s parameters.
    """
    products = tvm.transform.Sequential([HostMatmul(every=True), HostConvolution()])(mod)
    executable = tvm.compile(products, target=tvm.target.Target(QUICK))
    machine = relax.VirtualMachine(executable, tvm.cpu())
    # Half precision of the source is single precision here.
    given = [
        tvm.runtime.tensor(np.array(x, str(one.ty.dtype), order="C"))
        for one, x in zip(mod["main"].params, inputs, strict=True)
    ]
    result = machine["main"](*given)
    return [one.numpy() for one in _flat(result)]


def _flat(result: Any) -> list[Any]:
    if isinstance(result, tvm.runtime.Tensor):
        return [result]
    return [one for field in result for one in _flat(field)]
