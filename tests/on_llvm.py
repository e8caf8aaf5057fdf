"""What a module computes on TVM's LLVM build: the reference of tests, compiled quickly."""

import numpy as np
import tvm
from tvm import relax

QUICK = {"kind": "llvm", "opt-level": 0}
"""Small modules run once; optimising their code takes longer."""


def on_llvm(mod, *inputs):
    """Return all results of a module's `main` as arrays; `inputs` are in its order."""
    machine = relax.VirtualMachine(tvm.compile(mod, tvm.target.Target(QUICK)), tvm.cpu())
    found = machine["main"](*(tvm.runtime.tensor(np.asarray(one)) for one in inputs))
    return [one.numpy() for one in ([found] if isinstance(found, tvm.runtime.Tensor) else found)]
