"""`Report`: cycles, time and energy of a profiled run, with a `LayerProfile` for each layer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eie_backend.config import HardwareConfig
from eie_backend.fidelity.measure import Fidelity
from eie_backend.fidelity.told import told
from eie_backend.isa.counters import SATURATIONS
from eie_backend.isa.program import Program
from eie_backend.machine.choices import Engine
from eie_backend.machine.energy import area_mm2, energy_by_part_pj
from eie_backend.machine.energy_table import EnergyTable
from eie_backend.show.html import Number, listing, table
from eie_backend.simulator.not_finite import Counts, rows


@dataclass(frozen=True)
class LayerProfile:
    """One layer over all samples; `counters` are sums, `*_per_sample` and ratios are derived.

    `samples` are the model's. A layer runs once for each of a sample's `vectors`: the positions of
    a convolution, or the steps of a sequence. `min_cycles` and `max_cycles` are per vector.
    `storage_bytes` counts the layer's encoded matrices and biases; `weights` the weights of the
    dense matrix. `energy_pj` is the compute energy by module; `energy_by_part_pj` the same by
    "sram", "arithmetic" and "clock", and that of the transfers as "dram". `milliwatt` is the
    compute energy over the compute time. `breakdown` says where the PE cycles went, in sum,
    `breakdown_per_pe` for every PE; `blocking` counts the edges at which a PE's full queue held a
    broadcast back, `queue_occupancy` PE edges by the columns that a queue held
    (``docs/cycles.md``).
    """

    name: str
    samples: int
    vectors: float
    min_cycles: int
    max_cycles: int
    counters: Mapping[str, int]
    energy_pj: Mapping[str, float]
    energy_by_part_pj: Mapping[str, float]
    weights: int
    storage_bytes: int
    cycles_per_sample: float
    microseconds_per_sample: float
    load_balance: float
    padding_ratio: float
    nanojoule_per_sample: float
    milliwatt: float
    breakdown: Mapping[str, int]
    breakdown_per_pe: Mapping[str, tuple[int, ...]]
    blocking: tuple[int, ...]
    queue_occupancy: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Report:
    """The result of `profile`.

    Attributes
    ----------
    outputs : tuple of ndarray
        The model's results, batches joined along the first axis.
    layers : tuple of LayerProfile
        In program order; layers on the host have no cycles and do not appear.
    setup : mapping of str to int
        Counters of loading resident weights, which happens once and not per sample.
    reloads : mapping of str to int
        Counters of loading, at each call, the weights of programs that take turns on the machine.
    config : HardwareConfig
        The machine.
    arithmetic : str
        "float32", "int16", "int8" or "int32".
    engine : str
        The simulator's engine.
    manifest : mapping of str to str
        Hashes and versions of the model's sources.
    energy_table : EnergyTable
        The energies and areas that the report applies.
    programs : tuple of Program
        The programs that ran, in the order of the library.
    not_finite : mapping of str to NotFinite
        Inputs with NaN or infinity: how many of either, and of all values.
    fidelity : Fidelity or None
        How far the results are from the float network's, where it ran, too.
    reference : tuple of ndarray
        The float network's results, like `outputs`; empty where it did not run.
    """

    outputs: tuple[NDArray[np.generic], ...]
    layers: tuple[LayerProfile, ...]
    setup: Mapping[str, int]
    reloads: Mapping[str, int]
    config: HardwareConfig
    arithmetic: str
    engine: Engine
    manifest: Mapping[str, str]
    energy_table: EnergyTable
    programs: tuple[Program, ...]
    not_finite: Counts = field(default_factory=dict)
    fidelity: Fidelity | None = None
    reference: tuple[NDArray[np.generic], ...] = ()

    def __repr__(self) -> str:
        cycles = sum(layer.cycles_per_sample for layer in self.layers)
        return (
            f"<Report {len(self.layers)} layers, {cycles:.1f} cycles per sample, "
            f"{self.config.num_pe} PEs, {self.arithmetic}>"
        )

    def _repr_html_(self) -> str:
        """Show a table with a row per layer, per sample, and how the answers compare if known."""
        rows: list[tuple[object, ...]] = [
            (
                layer.name,
                Number(layer.cycles_per_sample, ",.1f"),
                Number(layer.microseconds_per_sample, ",.3f"),
                Number(layer.load_balance, ".1%"),
                Number(layer.padding_ratio, ".1%"),
                Number(layer.nanojoule_per_sample, ",.1f"),
            )
            for layer in self.layers
        ]
        totals = [
            Number(sum(getattr(layer, name) for layer in self.layers), spec)
            for name, spec in (
                ("cycles_per_sample", ",.1f"),
                ("microseconds_per_sample", ",.3f"),
                ("nanojoule_per_sample", ",.1f"),
            )
        ]
        rows.append(("all layers", totals[0], totals[1], "", "", totals[2]))
        config = self.config
        caption = f"Per sample: {config.num_pe} PEs at {config.clock_mhz} MHz, {self.arithmetic}"
        shown = table(caption, ["layer", "cycles", "us", "load balance", "padding", "nJ"], rows)
        if self.fidelity is None:
            return shown
        beside = told(self.fidelity, self.manifest, saturations=sum(self.saturations.values()))
        return f"{shown}\n{listing(beside.lines)}"

    @property
    def area_mm2(self) -> float:
        """Area of the machine's PEs and LNZD tree."""
        return area_mm2(self.config, self.energy_table)

    @property
    def setup_dram_pj(self) -> float:
        """Energy of loading the resident weights from DRAM."""
        return energy_by_part_pj(self.setup, self.config, self.energy_table)["dram"]

    @property
    def saturations(self) -> dict[str, int]:
        """Values that did not fit their format, by kind, over all layers and samples."""
        kinds = [counter.name for counter in SATURATIONS]
        return {kind: sum(layer.counters[kind] for layer in self.layers) for kind in kinds}

    def to_json(self) -> str:
        """Return everything but outputs and programs as JSON."""
        return json.dumps(self.to_dict(), indent=2, sort_keys=True)

    def to_dict(self) -> dict[str, Any]:
        """Return everything but outputs and programs as plain data."""
        return {
            "area_mm2": self.area_mm2,
            "arithmetic": self.arithmetic,
            "config": self.config.to_dict(),
            "energy_table": self.energy_table.name,
            "engine": self.engine,
            "fidelity": None if self.fidelity is None else self.fidelity.to_dict(),
            "layers": [asdict(layer) for layer in self.layers],
            "manifest": dict(self.manifest),
            "not_finite": rows(self.not_finite),
            "saturations": self.saturations,
            "reloads": dict(self.reloads),
            "setup": dict(self.setup),
            "setup_dram_pj": self.setup_dram_pj,
        }
