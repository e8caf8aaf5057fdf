"""`Run`: the data that all sections of a report read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from eie_backend.compiler.model_record import ModelRecord, read_record
from eie_backend.fidelity.comparison import Comparison
from eie_backend.profiler import LayerProfile, Report

NO_RECORD = (
    "The library does not remember its model: it is older than this report, or its constants are "
    "elided. Compile the model again to see {what}."
)


@dataclass(frozen=True, eq=False)
class Run:
    """A profiled run, and quantities derived from it.

    `labels` are those of its samples if they are known; `comparison` is what `compare` tells of its
    layers.
    """

    report: Report
    labels: NDArray[np.generic] | None = None
    comparison: Comparison | None = None

    @cached_property
    def record(self) -> ModelRecord | None:
        """The library's record of its source model."""
        return read_record(self.report.programs)

    @property
    def layers(self) -> tuple[LayerProfile, ...]:
        """The machine's layers in the order in which they ran."""
        return self.report.layers

    @property
    def names(self) -> list[str]:
        """Names of the layers."""
        return [layer.name for layer in self.layers]

    @property
    def is_timed(self) -> bool:
        """Whether the engine counts cycles."""
        return any(layer.counters["cycles"] for layer in self.layers)

    @property
    def samples(self) -> int:
        """Samples of the run."""
        return self.layers[0].samples if self.layers else len(self.report.outputs[0])

    @property
    def cycles(self) -> float:
        """Compute cycles of a sample, all layers together."""
        return sum(layer.cycles_per_sample for layer in self.layers)

    @property
    def microseconds(self) -> float:
        """Compute time of a sample."""
        return self.cycles / self.report.config.clock_mhz

    @property
    def nanojoules(self) -> float:
        """Compute energy of a sample."""
        return sum(layer.nanojoule_per_sample for layer in self.layers)

    @property
    def slowest(self) -> LayerProfile:
        """The layer with the most cycles."""
        return max(self.layers, key=lambda layer: layer.cycles_per_sample)

    @cached_property
    def predicted(self) -> NDArray[np.intp]:
        """The class of the highest score, for each sample."""
        classes: NDArray[np.intp] = self.report.outputs[0].argmax(axis=-1)
        return classes

    @property
    def accuracy(self) -> float | None:
        """Fraction of samples whose highest score is at the label; None without labels."""
        return None if self.labels is None else float(np.mean(self.predicted == self.labels))

    @property
    def reference_accuracy(self) -> float | None:
        """The same of the float network; None without labels or without that network."""
        if self.labels is None or not self.report.reference:
            return None
        return float(np.mean(self.report.reference[0].argmax(axis=-1) == self.labels))

    def cycles_of(self, layer: str) -> float:
        """Return the cycles of a sample in a layer of the model; 0 if none were counted.

        With Winograd's algorithm, the products of one convolution are several machine layers.
        """
        products = re.compile(rf"{re.escape(layer)}(_w\d+)?")
        return sum(one.cycles_per_sample for one in self.layers if products.fullmatch(one.name))

    def anchor(self, layer: str) -> str:
        """Return the id of a layer's row; "" if it did not run."""
        return f"layer-{self.names.index(layer)}" if layer in self.names else ""
