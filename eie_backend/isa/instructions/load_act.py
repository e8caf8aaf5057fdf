"""``load_act``: bring an input vector into the activation SRAM (I/O mode)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eie_backend.isa.fields import Field, Instruction
from eie_backend.isa.state import MachineState


def _execute(state: MachineState, operands: Mapping[str, int]) -> None:
    values: NDArray[Any] = state.input[operands["src"] : operands["src"] + operands["count"]]
    at = operands["dst_row"] * state.config.num_pe
    if not state.is_float:
        scaled = np.rint(values.astype(np.float64) * 2.0 ** operands["frac_bits"])
        state.saturations += int(np.count_nonzero(np.isnan(scaled)))
        bounded = np.clip(np.nan_to_num(scaled, nan=0.0), -(2.0**62), 2.0**62)
        values = state.saturate(bounded.astype(np.int64), state.value_bits)
    state.act[at : at + operands["count"]] = values


INSTRUCTION = Instruction(
    name="load_act",
    opcode=2,
    fields=(
        Field("src", 24, "values", "first value in the host's input of one sample"),
        Field("dst_row", 16, "act rows", "first row in the activation SRAM"),
        Field("count", 24, "values", "length of the vector"),
        Field("frac_bits", 8, "bits", "fractional bits of the stored activations", signed=True),
    ),
    meaning="Load a vector of the host's input into the activation SRAM, rounded to fixed point.",
    effect="act[dst_row * P + i] <- sat(round(input[src + i] * 2**frac_bits)), NaN as 0",
    source="EIE paper, section 4 (I/O mode); the format is a design choice",
    execute=_execute,
)
