"""A compiled model ready to run: here or on a server, called from any number of threads."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from os import PathLike
from threading import local
from typing import Any, Protocol, TypeAlias

import numpy as np
import tvm
import tvm_ffi
from numpy.typing import ArrayLike, NDArray
from tvm import relax
from tvm.rpc import RPCSession

from eie_backend.errors import ImageError
from eie_backend.inputs import InputSpec, batches, check_inputs
from eie_backend.isa.program import Program
from eie_backend.library import load, programs

Model: TypeAlias = str | PathLike[str] | relax.VMExecutable
Data = ArrayLike | Mapping[str, ArrayLike]
Batch = list[NDArray[np.generic]]


class Place(Protocol):
    """Where a model's programs run: what differs between this process and a server."""

    def machine(self) -> relax.VirtualMachine:
        """Return a new VM, for one thread, over the code and weights that all share."""

    def call(self, machine: relax.VirtualMachine, batch: Batch) -> Batch:
        """Run a batch and return its results."""

    def function(self, name: str) -> Callable[..., Any]:
        """Return a global function of the runtime there."""


class Here:
    """The process that asks."""

    def __init__(self, executable: relax.VMExecutable) -> None:
        self._module = executable.jit()

    def machine(self) -> relax.VirtualMachine:
        """Return a new VM."""
        return relax.VirtualMachine(self._module, tvm.cpu())

    def call(self, machine: relax.VirtualMachine, batch: Batch) -> Batch:
        """Run a batch and return its results."""
        result = machine["main"](*(tvm.runtime.tensor(value) for value in batch))
        tensors = [result] if isinstance(result, tvm.runtime.Tensor) else list(result)
        return [tensor.numpy() for tensor in tensors]

    def function(self, name: str) -> Callable[..., Any]:
        """Return a global function."""
        found: Callable[..., Any] = tvm_ffi.get_global_func(name)
        return found


class Runner:
    """A compiled model ready to run in the Relax VM, from any number of threads.

    The threads share the model's code and weights. A Relax VM keeps its call's state in itself, so
    every thread that calls has one of its own, which ends with the thread.

    Parameters
    ----------
    model : path or VMExecutable
        A library written by `export_library`, or what `compile` returned.
    remote : tvm.rpc.RPCSession, optional
        The server to run it on, instead of this process. A session is for one thread.

    Raises
    ------
    ImageError
        If the library is not usable.
    RemoteError
        If the server does not answer or has no eie.
    """

    def __init__(self, model: Model, remote: RPCSession | None = None) -> None:
        executable = model if isinstance(model, relax.VMExecutable) else load(model)
        self.programs: list[Program] = programs(executable)
        if not self.programs:
            raise ImageError("model holds no eie program; compile it with target 'eie'")
        manifest = self.programs[0].manifest
        self.specs = [
            InputSpec(name, tuple(shape), dtype)
            for name, shape, dtype in json.loads(manifest["interface"])
        ]
        self._place: Place = Here(executable)
        if remote is not None:
            from eie_backend.remote.client import There

            self._place = There(model, remote)
        self._of_thread = local()

    @property
    def batch(self) -> int:
        """Samples of a call: the leading extent of all inputs, or 1 if they differ."""
        leading = {spec.shape[0] for spec in self.specs if spec.shape}
        return leading.pop() if len(leading) == 1 else 1

    def calls(self, data: Data) -> list[Batch]:
        """Return the checked inputs of each call that `data` takes."""
        return list(batches(check_inputs(self.specs, data), self.specs))

    def call(self, batch: Batch) -> Batch:
        """Run one batch and return the model's results."""
        if not hasattr(self._of_thread, "machine"):
            self._of_thread.machine = self._place.machine()
        return self._place.call(self._of_thread.machine, batch)

    def function(self, name: str) -> Callable[..., Any]:
        """Return a global function of the runtime that runs the model."""
        return self._place.function(name)
