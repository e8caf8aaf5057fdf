"""Reference interpreter: executes a program by the instructions' own definitions.

Slow and plainly right; it is the oracle for the values of the C++ machine.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eie_backend.isa.instructions import BY_NAME
from eie_backend.isa.program import Program
from eie_backend.isa.state import MachineState


def interpret(program: Program, samples: ArrayLike) -> tuple[NDArray[np.float32], int]:
    """Run `program` on each sample.

    Parameters
    ----------
    program : Program
        What to execute.
    samples : array_like, shape (n, inputs), float32
        Input vectors.

    Returns
    -------
    outputs : ndarray, shape (n, outputs), float32
    saturations : int
        Values of any kind that did not fit their format, over all samples.
    """
    outputs, saturations = [], 0
    for sample in np.asarray(samples, np.float32):
        state = MachineState(program, sample)
        for step in (*program.setup, *program.steps):
            BY_NAME[step.instruction].execute(state, step.operands)
        outputs.append(state.output)
        saturations += state.saturations
    return np.array(outputs, np.float32).reshape(-1, program.outputs), saturations
