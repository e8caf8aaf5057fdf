"""Decide when the matrices of a module's programs enter the weight SRAM."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from eie_backend.config import HardwareConfig
from eie_backend.isa.program import Program, Step
from eie_backend.machine.encoding import EncodedMatrix


def place_matrices(programs: Sequence[Program]) -> list[Program]:
    """Add the loads of all weight matrices to programs that share one machine.

    Before -> after, for a program of two tiles::

        run:  eie.mvm 0, eie.mvm 1  ->  setup:           eie.load_matrix 0, eie.load_matrix 1    (1)
                                        run:             eie.mvm 0, eie.mvm 1

                                    ->  setup per_call:  eie.load_matrix 0, eie.load_matrix 1    (2)
                                        run:             eie.mvm 0, eie.mvm 1

                                    ->  run:             eie.load_matrix 0, eie.mvm 0,           (3)
                                                         eie.load_matrix 1, eie.mvm 1

    1. If the matrices of all programs fit the machine together, each is loaded once.
    2. Otherwise the programs take turns: a program whose matrices fit by themselves loads them at
       the start of a call, for all samples of the call.
    3. A program that does not fit loads each matrix before its use, again for every sample. To
       keep a matrix over the samples of a call, the machine would have to hold the partial sums
       of all samples, but the destination registers hold those of one sample.
    """
    if not programs:
        return []
    config = programs[0].config
    # 1.
    if fit_together((m for program in programs for m in program.matrices), config):
        return [_with_setup(program) for program in programs]
    return [
        replace(_with_setup(program), setup_per_call=True)  # 2.
        if fit_together(program.matrices, config)
        else _streamed(program)  # 3.
        for program in programs
    ]


def fit_together(matrices: Iterable[EncodedMatrix], config: HardwareConfig) -> bool:
    """Return whether the weight and pointer SRAM of every PE hold all matrices together."""
    word = config.entries_per_word
    entries, pointers = np.zeros(config.num_pe, np.int64), 0
    for matrix in matrices:
        entries += -(-matrix.entries_per_pe.astype(np.int64) // word) * word
        pointers += matrix.pointers.shape[1]
    return bool(
        entries.max() <= config.spmat_sram_bytes
        and pointers * config.ptr_bits <= 8 * config.ptr_sram_bytes
    )


def _loads(program: Program) -> dict[int, Step]:
    """Return the load of each matrix, in the order of use."""
    return {
        step.operands["matrix"]: Step(
            "load_matrix", {"matrix": step.operands["matrix"]}, step.layer
        )
        for step in program.steps
        if step.instruction == "mvm"
    }


def _with_setup(program: Program) -> Program:
    return replace(program, setup=tuple(_loads(program).values()))


def _streamed(program: Program) -> Program:
    loads = _loads(program)
    steps: list[Step] = []
    for step in program.steps:
        if step.instruction == "mvm":
            steps.append(loads[step.operands["matrix"]])
        steps.append(step)
    return replace(program, steps=tuple(steps))
