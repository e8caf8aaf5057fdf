"""What a module computes on TVM's LLVM build: the reference of tests, compiled quickly."""

import numpy as np
import tvm
from tvm import relax

QUICK = {"kind": "llvm", "opt-level": 0}
"""Small modules run once; optimising their code takes longer."""

UNCHECKED = {"tirx.disable_assert": True}
"""The code that compares shapes with the compiled ones is most of it, and the VM has compared those
of the inputs."""


def on_llvm(mod, *inputs):
    """Return all results of a module's `main` as arrays; `inputs` are in its order."""
    with tvm.transform.PassContext(config=UNCHECKED):
        executable = tvm.compile(mod, tvm.target.Target(QUICK))
    machine = relax.VirtualMachine(executable, tvm.cpu())
    found = machine["main"](*(tvm.runtime.tensor(np.asarray(one)) for one in inputs))
    return [one.numpy() for one in ([found] if isinstance(found, tvm.runtime.Tensor) else found)]
