"""`Runner`: a compiled model, loaded in this process or on a server, for any number of threads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import local

from numpy.typing import ArrayLike
from tvm import relax
from tvm.rpc import RPCSession

from eie_backend.codegen.library import load, programs
from eie_backend.errors import ConfigError, ImageError
from eie_backend.isa.program import Program
from eie_backend.machine.choices import ENGINE, Engine
from eie_backend.runtime import Runtime
from eie_backend.simulator.not_finite import Counts, count, tell
from eie_backend.simulator.place import Batch, Here, Model, Place
from eie_backend.simulator.remote_place import There
from eie_backend.simulator.unrecorded import of_inputs
from eie_backend.transform.inputs import InputSpec, batches, check_inputs

Data = ArrayLike | Mapping[str, ArrayLike]


class Runner:
    """A compiled model ready to run in the Relax VM, from any number of threads.

    The threads share the model's code and weights. A Relax VM holds the state of its current call,
    so every calling thread has its own VM, which ends with the thread.

    Parameters
    ----------
    model : path or VMExecutable
        A library written by `export_library`, or what `compile` returned.
    remote : tvm.rpc.RPCSession, optional
        The server to run on, instead of this process. A session must be used by one thread only.

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
            self._place = There(model, remote)
        self._of_thread = local()

    @property
    def batch(self) -> int:
        """Samples of a call: the leading extent of all inputs, or 1 if they differ."""
        leading = {spec.shape[0] for spec in self.specs if spec.shape}
        return leading.pop() if len(leading) == 1 else 1

    def calls(self, data: Data, *, strict_inputs: bool = False) -> list[Batch]:
        """Check `data` and return the inputs of each call that it needs.

        NaN and infinity in it are told by a `NotFiniteWarning`, or refused with `strict_inputs`.

        Raises
        ------
        InputError
            If `data` does not fit the model's inputs, or is refused.
        """
        calls, counts = self.counted(data)
        tell(counts, strict_inputs)
        return calls

    def counted(self, data: Data) -> tuple[list[Batch], Counts]:
        """Return what `calls` returns, and what it would tell of."""
        arrays = check_inputs(self.specs, data)
        names = [spec.name for spec in self.specs]
        return list(batches(arrays, self.specs)), count(dict(zip(names, arrays, strict=True)))

    def call(self, batch: Batch) -> Batch:
        """Run one batch and return the model's results.

        In this process, a `SaturationWarning` tells of values that do not fit their formats, unless
        a recorder, which tells itself, is active.
        """
        if not hasattr(self._of_thread, "machine"):
            self._of_thread.machine = self._place.machine()
        with of_inputs(batch):
            return self._place.call(self._of_thread.machine, batch)

    @contextmanager
    def on_engine(self, engine: Engine, threads: int = 0) -> Iterator[None]:
        """Run the programs that this thread calls inside the ``with`` block on `engine`.

        Outside such a block a program computes values only; in nested blocks, the inner engine
        applies. `threads` simulator threads share the samples of a call; 0 means one per core. A
        program's results are the same on every engine.
        """
        ENGINE.checked(engine, ConfigError)
        self.runtime.start_engine(engine, 0, threads)
        try:
            yield
        finally:
            self.runtime.stop_engine()

    @property
    def runtime(self) -> Runtime:
        """The C++ functions of the process that runs the model."""
        return self._place.runtime
