"""`ObservedMachine`: a library that runs as it is, and tells what each layer computed."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tvm import relax
from tvm.runtime.vm import VMInstrumentReturnKind

from eie_backend.fidelity.instrumented import Ends, alone, alone_symbol, ends_of, observed
from eie_backend.isa.image import encode_image
from eie_backend.isa.program import Program
from eie_backend.runtime import ProfileRow, runtime
from eie_backend.simulator.place import Batch, Here


class Execution(NamedTuple):
    """What a layer computed in a call of its program.

    `symbol` names the program of the layer alone; `results` has the shape (rows, outputs).
    """

    symbol: str
    ends: Ends
    results: NDArray[np.float32]


Executions = Mapping[str, "deque[Execution]"]
"""By layer, in order."""


class ObservedCall(NamedTuple):
    """A call of the library: its results, what its layers computed, and the recorder's rows."""

    results: Batch
    executions: Executions
    rows: list[ProfileRow]


class ObservedMachine:
    """A library in a VM of its own, whose programs are replaced by those that show their layers.

    Parameters
    ----------
    executable : VMExecutable
        The library.
    programs : sequence of Program
        Its programs.
    """

    def __init__(self, executable: relax.VMExecutable, programs: Sequence[Program]) -> None:
        singles = [alone(one, number) for one in programs for number in range(len(one.layers))]
        image = encode_image(*map(observed, programs), *singles)
        loaded = runtime().load_image(image)
        self._function = cache(lambda symbol: loaded[symbol])
        self._shown = _Shown(programs, self._function)
        self._place = Here(executable)
        self._machine = self._place.machine()
        # It knows nothing of the machine, so that both end with this object.
        self._machine.set_instrument(self._shown.instead)

    def __call__(self, batch: Batch) -> ObservedCall:
        """Run a batch."""
        self._shown.executions = defaultdict(deque)
        with _recorded() as rows:
            results = self._place.call(self._machine, batch)
        return ObservedCall(results, self._shown.executions, rows)

    def alone(self, execution: Execution, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the layer of an execution makes of other inputs (rows, inputs)."""
        results = np.empty((len(x), execution.ends.result.size), np.float32)
        # Nobody is told of values that do not fit: they are of no run that a user asked for.
        with _recorded():
            self._function(execution.symbol)(np.require(x, requirements=["C", "W"]), results)
        return results


@contextmanager
def _recorded() -> Iterator[list[ProfileRow]]:
    """Yield a list that gets the recorder's rows of what this thread runs in the block."""
    rows: list[ProfileRow] = []
    runtime().start_profile(account=False)
    try:
        yield rows
    finally:
        rows += runtime().stop_profile()


class _Shown:
    """What takes the place of a VM's calls of programs."""

    def __init__(self, programs: Sequence[Program], function: Callable[[str], Any]) -> None:
        self.executions: defaultdict[str, deque[Execution]] = defaultdict(deque)
        self._function = function
        self._layers = {
            program.symbol: [
                (name, alone_symbol(program, number), ends_of(program, number))
                for number, name in enumerate(program.layers)
            ]
            for program in programs
        }
        self._widths = {program.symbol: program.inputs + program.outputs for program in programs}

    def instead(
        self, _function: Any, symbol: str, before: bool, _result: Any, *tensors: Any
    ) -> int:
        """Run what shows its layers in place of a program; leave all other calls alone."""
        if not before or symbol not in self._layers:
            return int(VMInstrumentReturnKind.NO_OP)
        rows = sum(int(np.prod(one.shape)) for one in tensors) // self._widths[symbol]
        layers = self._layers[symbol]
        values = [np.empty((rows, ends.result.size), np.float32) for _, _, ends in layers]
        self._function(symbol)(*tensors, *values)
        for (name, single, ends), results in zip(layers, values, strict=True):
            self.executions[name].append(Execution(single, ends, results))
        return int(VMInstrumentReturnKind.SKIP_RUN)
