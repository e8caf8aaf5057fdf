"""`Program`: what the machine executes, one of those in an image, as plain Python data."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from eie_backend.config import HardwareConfig
from eie_backend.errors import ImageError
from eie_backend.machine.choices import Arithmetic
from eie_backend.machine.encoding import EncodedMatrix
from eie_backend.show.html import folded, listing, table

RECORD = ("graph", "weights")
"""Entries of a manifest that only reports read; see ``model_record.py``."""


ALIASES = "aliases"
"""The entry, as JSON, of other names that layers have; absent where they have none."""

ORDERS = "orders"
"""The entry, as JSON, of the order of outputs by layer: for each of the machine's, the model's.

Absent where all are in the model's.
"""


@dataclass(frozen=True)
class Step:
    """One instruction with its operands and the number of its source layer."""

    instruction: str
    operands: Mapping[str, int]
    layer: int


@dataclass(frozen=True, eq=False)
class Program:
    """A compiled chain of layers for one machine.

    Attributes
    ----------
    symbol : str
        Name under which the host calls the program.
    config : HardwareConfig
        The machine that it was compiled for.
    arithmetic : {"float32", "int16", "int8", "int32"}
        Arithmetic of the program, which also determines the stored codebooks and biases.
    inputs, outputs : int
        Number of values of one sample in the host's tensors, all tensors together.
    layers : tuple of str
        Names of the source layers, by number.
    matrices : tuple of EncodedMatrix
        Weight tiles, by number.
    biases : tuple of ndarray, float32 or int32
        Bias vectors in the format of the destination registers, by number.
    setup : tuple of Step
        Loads of resident weights, executed once when the program is loaded.
    steps : tuple of Step
        Executed for every sample.
    manifest : mapping of str to str
        Hashes and versions of the program's sources.
    setup_per_call : bool
        Whether setup is executed at the start of every call instead, because all programs together
        do not fit the machine and take turns on it.
    """

    symbol: str
    config: HardwareConfig
    arithmetic: Arithmetic
    inputs: int
    outputs: int
    layers: tuple[str, ...]
    matrices: tuple[EncodedMatrix, ...]
    biases: tuple[NDArray[np.generic], ...]
    setup: tuple[Step, ...]
    steps: tuple[Step, ...]
    manifest: Mapping[str, str] = field(default_factory=dict)
    setup_per_call: bool = False

    def __repr__(self) -> str:
        return (
            f"<Program {len(self.layers)} layers, {len(self.steps)} steps, "
            f"{self.config.num_pe} PEs, {self.arithmetic}>"
        )

    def text_of(self, step: Step) -> str:
        """Return an instruction as dialect text: ``eie.mvm "fc1" matrix = 0, ...``."""
        operands = ", ".join(f"{name} = {value}" for name, value in step.operands.items())
        return f'eie.{step.instruction} "{self.layers[step.layer]}" {operands}'.rstrip()

    def _repr_html_(self) -> str:
        """Show the sizes, the layers and the instructions."""
        rows = []
        for number, name in enumerate(self.layers):
            own = [step for step in (*self.setup, *self.steps) if step.layer == number]
            rows.append((name, len(own), *layer_storage(self, number)))
        about = (
            f"Program: {self.config.num_pe} PEs, {self.arithmetic}, "
            f"{self.inputs:,} inputs, {self.outputs:,} outputs"
        )
        layers = table(about, ["layer", "instructions", "weights", "bytes"], rows)
        lines = [self.text_of(step) for step in (*self.setup, *self.steps)]
        return layers + "\n" + folded("instructions", listing(lines))


def layer_names(programs: Iterable[Program]) -> dict[str, tuple[str, ...]]:
    """Return the layers of programs, and what else each is called where the model comes from.

    Raises
    ------
    ImageError
        If a manifest does not say that as it must.
    """
    found: dict[str, tuple[str, ...]] = {}
    for program in programs:
        entry = program.manifest.get(ALIASES, "{}")
        try:
            others = {str(layer): tuple(map(str, n)) for layer, n in json.loads(entry).items()}
        except (AttributeError, RecursionError, TypeError, ValueError) as error:
            raise ImageError(
                f"{program.symbol}: the manifest's entry {ALIASES} is no JSON of names by layer; "
                "compile the model again"
            ) from error
        found |= {layer: others.get(layer, ()) for layer in program.layers}
    return found


def layer_storage(program: Program, layer: int) -> tuple[int, int]:
    """Return a layer's number of weights in dense form, and its bytes in the machine."""
    steps = [step for step in program.steps if step.layer == layer]
    matrices = [program.matrices[s.operands["matrix"]] for s in steps if s.instruction == "mvm"]
    biases = [program.biases[s.operands["bias"]] for s in steps if s.instruction == "load_bias"]
    bias_bytes = sum(bias.size for bias in biases) * program.config.accumulator_bits // 8
    storage = sum(matrix.storage_bytes(program.config) for matrix in matrices) + bias_bytes
    return sum(matrix.rows * matrix.cols for matrix in matrices), storage
