"""`Place`: where a model's programs run; `Here` is this process."""

from __future__ import annotations

from os import PathLike
from typing import Protocol, TypeAlias

import numpy as np
import tvm
from numpy.typing import NDArray
from tvm import relax

from eie_backend.codegen.linked import linked
from eie_backend.runtime import Runtime, runtime

Model: TypeAlias = str | PathLike[str] | relax.VMExecutable
Batch = list[NDArray[np.generic]]


class Place(Protocol):
    """Where a model's programs run: in this process or on a server."""

    def machine(self) -> relax.VirtualMachine:
        """Return a new VM for one thread; all VMs share code and weights."""

    def call(self, machine: relax.VirtualMachine, batch: Batch) -> Batch:
        """Run a batch and return its results."""

    @property
    def runtime(self) -> Runtime:
        """The C++ functions of the place."""


class Here:
    """The calling process."""

    def __init__(self, executable: relax.VMExecutable) -> None:
        # Kept, so that others who load the same library share it.
        self._executable, self._module = executable, linked(executable)

    def machine(self) -> relax.VirtualMachine:
        """Return a new VM."""
        return relax.VirtualMachine(self._module, tvm.cpu())

    def call(self, machine: relax.VirtualMachine, batch: Batch) -> Batch:
        """Run a batch and return its results."""
        result = machine["main"](*(tvm.runtime.tensor(value) for value in batch))
        tensors = [result] if isinstance(result, tvm.runtime.Tensor) else list(result)
        return [tensor.numpy() for tensor in tensors]

    @property
    def runtime(self) -> Runtime:
        """The C++ functions of this process."""
        return runtime()
