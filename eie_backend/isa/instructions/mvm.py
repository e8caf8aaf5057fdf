"""``mvm``: one sparse matrix-vector product, the machine's computing mode."""

from collections.abc import Mapping

import numpy as np

from eie_backend.isa.fields import Field, Instruction
from eie_backend.isa.state import MachineState
from eie_backend.machine.numerics import shift_round


def _execute(state: MachineState, operands: Mapping[str, int]) -> None:
    matrix = state.program.matrices[operands["matrix"]]
    if operands["matrix"] not in state.loaded:
        raise RuntimeError(f"mvm before load_matrix of matrix {operands['matrix']}")
    at = operands["src_row"] * state.config.num_pe
    source = state.act[at : at + matrix.cols]
    if matrix.has_bias_column:
        source = np.append(source, 1.0 if state.is_float else 1 << operands["frac_bits"])
    codes = matrix.codes()
    for column in np.flatnonzero(source):
        rows = np.flatnonzero(codes[:, column])
        weights = matrix.codebook[codes[rows, column]]
        if state.is_float:
            product = weights.astype(np.float32) * np.float32(source[column])
            state.acc[rows] = state.acc[rows] + product
        else:
            product = shift_round(weights.astype(np.int64) * int(source[column]), operands["shift"])
            state.acc[rows] = state.saturate(
                state.acc[rows] + product, state.config.accumulator_bits
            )


INSTRUCTION = Instruction(
    name="mvm",
    opcode=5,
    fields=(
        Field("matrix", 16, "matrix", "number of the encoded matrix"),
        Field("src_row", 16, "act rows", "first row of the source block in the activation SRAM"),
        Field("shift", 8, "bits", "right shift of a product, ties to even", signed=True),
        Field("frac_bits", 8, "bits", "the bias column's constant 1 is 2**frac_bits", signed=True),
    ),
    meaning="Scan the source block and add weight times activation for every non-zero activation.",
    effect="acc[r] <- sat(acc[r] + round(codebook[code[r, j]] * act[src_row * P + j] >> shift)), "
    "j ascending",
    source="EIE paper, sections 3 and 4 (computing mode)",
    execute=_execute,
)
