"""`Runs`: simulated runs of the nine layers on machines of any size, each computed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from os import PathLike

from eie_backend.config import HardwareConfig
from eie_backend.machine.encoding import EncodedMatrix, encode
from eie_backend.machine.nonzeros import NonZeros, nonzeros
from eie_backend.simulator import LayerRun, simulate
from eie_backend.workloads import EVEN, TABLE_III, Layer, Structure, generate, read_alex8

PAPER = HardwareConfig()
"""The machine of the EIE paper: 64 PEs."""


class Runs:
    """Cycles and counters of the nine layers; values are not computed.

    Parameters
    ----------
    alex8 : path, optional
        File of the real Alex-8; without it, that layer is generated like the others.
    seed : int
        Seed of the generated layers.
    structure : Structure
        Unevenness of their non-zeros.

    Raises
    ------
    InputError
        If the real Alex-8 cannot be read.
    """

    def __init__(
        self,
        alex8: str | PathLike[str] | None = None,
        seed: int = 0,
        structure: Structure = EVEN,
    ) -> None:
        self.seed, self.structure = seed, structure
        self._alex8 = None if alex8 is None else read_alex8(alex8)
        self._runs: dict[tuple[str, HardwareConfig], LayerRun] = {}
        self._nonzeros: dict[str, NonZeros] = {}
        self._encoded: dict[str, EncodedMatrix] = {}

    @cached_property
    def layers(self) -> Mapping[str, Layer]:
        """The nine layers by name; Alex-8 is the real one if there is a file."""
        made = {
            name: generate(shape, self.seed, self.structure) for name, shape in TABLE_III.items()
        }
        return made if self._alex8 is None else {**made, "Alex-8": self._alex8}

    @property
    def has_real_alex8(self) -> bool:
        """Whether Alex-8 is the published layer."""
        return self._alex8 is not None

    def note(self) -> str:
        """Return one line on the source of the layers."""
        origin = self._alex8.origin if self._alex8 else "generated as the others"
        return f"Layers: {self.layers['Alex-6'].origin}; Alex-8 {origin}."

    def run(self, name: str, config: HardwareConfig = PAPER) -> LayerRun:
        """Run a layer on a machine as a single scan."""
        key = name, config
        if key not in self._runs:
            encoded, x = self.encoded(name, config), self.layers[name].activations
            run = simulate(encoded, x, config, "float32", values=False)
            # Otherwise each run would keep its encoding in memory.
            self._runs[key] = replace(run, scan=None)
        return self._runs[key]

    def with_pes(self, name: str, num_pe: int) -> LayerRun:
        """Run a layer on the paper's machine with another number of PEs."""
        return self.run(name, replace(PAPER, num_pe=num_pe))

    def encoded(self, name: str, config: HardwareConfig = PAPER) -> EncodedMatrix:
        """Return a layer in a machine's storage format; only the encoding for 64 PEs is cached."""
        key = config.num_pe, config.codebook_bits
        if key != (PAPER.num_pe, PAPER.codebook_bits):
            return self._encode(name, config)
        if name not in self._encoded:
            self._encoded[name] = self._encode(name, config)
        return self._encoded[name]

    def _encode(self, name: str, config: HardwareConfig) -> EncodedMatrix:
        layer = self.layers[name]
        if name not in self._nonzeros:
            self._nonzeros[name] = nonzeros(layer.codes)
        return encode(self._nonzeros[name], layer.codebook, config, layer.bias_codes)
