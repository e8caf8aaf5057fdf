"""Reference interpreter: executes a program by the instructions' own definitions.

It is slow but simple, and serves as the oracle for the values of the C++ machine.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eie_backend.errors import ImageError
from eie_backend.isa.instructions import BY_NAME
from eie_backend.isa.program import Program
from eie_backend.isa.state import MachineState


def interpret(program: Program, samples: ArrayLike) -> tuple[NDArray[np.float32], int]:
    """Run `program` on each sample.

    Parameters
    ----------
    program : Program
        The program to execute.
    samples : array_like, shape (n, inputs), float32
        Input vectors.

    Returns
    -------
    outputs : ndarray, shape (n, outputs), float32
    saturations : int
        Values of any kind that did not fit their format, over all samples.

    Raises
    ------
    ImageError
        If an instruction cannot be executed; the message names it and its layer.
    """
    outputs, saturations = [], 0
    for sample in np.asarray(samples, np.float32):
        state = MachineState(program, sample)
        for step in (*program.setup, *program.steps):
            try:
                BY_NAME[step.instruction].execute(state, step.operands)
            except (RuntimeError, IndexError, ValueError) as error:
                layer = program.layers[step.layer]
                raise ImageError(f"{step.instruction} of {layer}: {error}") from error
        outputs.append(state.output)
        saturations += state.saturations
    return np.array(outputs, np.float32).reshape(-1, program.outputs), saturations
