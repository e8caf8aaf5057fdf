"""`Runs`: the nine layers on machines of any size, each encoded and run once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from os import PathLike

from eie_backend.config import HardwareConfig
from eie_backend.encoding import EncodedMatrix
from eie_backend.simulator import LayerRun, simulate
from eie_backend.workloads import EVEN, TABLE_III, Layer, Structure, generate, read_alex8

PAPER = HardwareConfig()
"""The machine of the EIE paper: 64 PEs."""


class Runs:
    """Cycles and counters of the nine layers; values are not computed.

    Parameters
    ----------
    alex8 : path, optional
        The real Alex-8; without it that layer is generated as the others are.
    seed : int
        Of the generated layers.
    structure : Structure
        How unevenly their non-zeros lie.
    """

    def __init__(
        self,
        alex8: str | PathLike[str] | None = None,
        seed: int = 0,
        structure: Structure = EVEN,
    ) -> None:
        self.alex8, self.seed, self.structure = alex8, seed, structure
        self._runs: dict[tuple[str, HardwareConfig], LayerRun] = {}
        self._encoded: dict[tuple[str, int, int], EncodedMatrix] = {}

    @cached_property
    def layers(self) -> Mapping[str, Layer]:
        """The nine layers by name, Alex-8 the real one if there is a file."""
        made = {
            name: generate(shape, self.seed, self.structure) for name, shape in TABLE_III.items()
        }
        return made if self.alex8 is None else {**made, "Alex-8": read_alex8(self.alex8)}

    @property
    def has_real_alex8(self) -> bool:
        """Whether Alex-8 is the published layer."""
        return self.alex8 is not None

    def note(self) -> str:
        """Return in one line where the layers come from."""
        origin = self.layers["Alex-8"].origin if self.has_real_alex8 else "generated as the others"
        return f"Layers: {self.layers['Alex-6'].origin}; Alex-8 {origin}."

    def run(self, name: str, config: HardwareConfig = PAPER) -> LayerRun:
        """Run a layer on a machine as one scan."""
        key = name, config
        if key not in self._runs:
            encoded, x = self.encoded(name, config), self.layers[name].activations
            self._runs[key] = simulate(encoded, x, config, "float32", values=False)
        return self._runs[key]

    def with_pes(self, name: str, num_pe: int) -> LayerRun:
        """Run a layer on the paper's machine with another number of PEs."""
        return self.run(name, replace(PAPER, num_pe=num_pe))

    def encoded(self, name: str, config: HardwareConfig = PAPER) -> EncodedMatrix:
        """Return a layer as a machine stores it; all that differ in other sizes share it."""
        key = name, config.num_pe, config.codebook_bits
        if key not in self._encoded:
            self._encoded[key] = self.layers[name].encode(config)
        return self._encoded[key]
