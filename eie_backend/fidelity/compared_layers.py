"""`ComparedLayers`: every layer of a library beside that of the float network, as both run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from eie_backend.fidelity.comparison import KINDS, LayerComparison
from eie_backend.fidelity.float_side import FloatLayers, FloatUse
from eie_backend.fidelity.machine_side import Executions, ObservedMachine
from eie_backend.fidelity.orders import orders_of
from eie_backend.fidelity.sums import Sums
from eie_backend.isa.program import Program
from eie_backend.runtime import ProfileRow
from eie_backend.simulator.place import Batch
from eie_backend.simulator.saturation import saturated
from eie_backend.transform.host_matmul import Observer
from eie_backend.transform.layers import DenseLayer, LayerUse


class ComparedLayers:
    """The layers of a library, compared batch by batch.

    First the machine runs a batch; then the float network does, and each layer is compared as soon
    as its input is known, so that no input is kept.
    """

    def __init__(
        self,
        network: FloatLayers,
        programs: Sequence[Program],
        machine: ObservedMachine,
        samples: int,
    ) -> None:
        self._network, self._machine = network, machine
        names = dict.fromkeys(name for program in programs for name in program.layers)
        self._names = [*network.layers, *(name for name in names if name not in network.layers)]
        self._sums = {name: Sums(samples) for name in self._names}
        self._rows: dict[tuple[str, str], ProfileRow] = {}
        self._orders, untold = orders_of(programs)
        self._reasons = {name: _lost(name, network, untold) for name in self._names}
        self.observers = {
            use.binding.var: self._observer(layer, use)
            for layer in network.layers.values()
            for use in layer.uses
        }
        self._at = slice(0, 0)
        self._executions: Executions = {}

    def begin(self, at: slice, batch: Batch) -> Batch:
        """Run the machine on a batch, which are the samples `at`; return its results."""
        results, self._executions, rows = self._machine(batch)
        self._at = at
        for row in rows:
            before = self._rows.get((row.symbol, row.layer))
            self._rows[row.symbol, row.layer] = row if before is None else _sum(before, row)
        return results

    def end(self) -> None:
        """Look for what the machine ran and the float network did not."""
        for name, left in self._executions.items():
            if left:
                self._not_compared(name, f"the machine ran it {len(left)} times more")

    def _observer(self, layer: DenseLayer, use: LayerUse) -> Observer:
        exact, name = FloatUse.of(layer, use), layer.name
        order = self._orders.get(self._network.order_sources.get(name, ""))

        def compare_rows(values: NDArray[np.float32]) -> None:
            x = values.reshape(-1, layer.weights.shape[1])
            waiting = self._executions.get(name)
            if not waiting:
                self._not_compared(name, "the float network ran it more often than the machine")
                return
            run = waiting.popleft()
            if why := exact.why_not(run.ends):
                self._not_compared(name, why)
            if len(x) != len(run.results):
                rows = f"{len(run.results)} vectors on the machine, {len(x)} in the float network"
                self._not_compared(name, rows)
            if self._reasons[name]:
                return
            alone = self._machine.alone(run, x if order is None else x[:, order])
            found = (self._in_order(name, one) for one in (run.results, alone))
            self._sums[name].add(self._at, exact.results(x, run.ends), *found)

        return compare_rows

    def _in_order(self, name: str, results: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the machine's results in the model's order."""
        order = self._orders.get(name)
        return results if order is None else results[:, np.argsort(order)]

    def _not_compared(self, name: str, why: str) -> None:
        self._reasons[name] = self._reasons[name] or f"not compared: {why}"

    @property
    def rows(self) -> list[ProfileRow]:
        """Counters of the whole runs: a row per layer of a program."""
        return [*self._rows.values()]

    def comparisons(self) -> list[LayerComparison]:
        """Return each layer of the model, with its parts if the machine has several."""
        for name in self._names:
            if not self._sums[name].rows:
                self._not_compared(name, "it did not run")
        by_source: defaultdict[str, list[str]] = defaultdict(list)
        for name in self._names:
            known = self._network.layers.get(name)
            by_source[name if known is None else known.source].append(name)
        return [self._layer(source, names) for source, names in by_source.items()]

    def _layer(self, source: str, names: Sequence[str]) -> LayerComparison:
        if len(names) == 1:
            return self._compared(names[0], source, names)
        parts = tuple(self._compared(name, source, [name]) for name in names)
        return self._compared(source, source, names, parts)

    def _compared(
        self,
        name: str,
        source: str,
        names: Sequence[str],
        parts: tuple[LayerComparison, ...] = (),
    ) -> LayerComparison:
        many = [one for one in saturated(self.rows) if one.layer in names]
        counts = {kind: sum(getattr(one, kind) for one in many) for kind in KINDS}
        reasons = [self._reasons[one] for one in names if self._reasons[one]]
        if reasons:
            return LayerComparison(
                name, source, None, None, None, None, None, None, counts, 0, reasons[0], parts
            )
        sums = Sums.together([self._sums[one] for one in names])
        whole, own, inherited = (sums.fidelity(kind) for kind in ("total", "own", "inherited"))
        return LayerComparison(
            name=name,
            source=source,
            relative_error=whole.relative_error,
            own_error=own.relative_error,
            inherited_error=inherited.relative_error,
            sqnr_db=whole.sqnr_db,
            own_sqnr_db=own.sqnr_db,
            largest_difference=whole.largest_difference,
            saturations=counts,
            rows=sums.rows,
            parts=parts,
        )


def _lost(name: str, network: FloatLayers, untold: set[str]) -> str:
    """Return why a layer cannot be compared at all, "" if it can."""
    if name not in network.layers:
        return "not compared: the float network has no layer of this name"
    if {name, network.order_sources.get(name)} & untold:
        return "not compared: the library does not say the order of its outputs; compile it again"
    return ""


def _sum(one: ProfileRow, other: ProfileRow) -> ProfileRow:
    """Return the counters of two runs of a layer."""
    counters = [sum(pair) for pair in zip(one.counters, other.counters, strict=True)]
    return one._replace(samples=one.samples + other.samples, counters=counters)
