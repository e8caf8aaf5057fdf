"""`Recorder`: collects the counters of the programs that a thread runs, and reports them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack

import numpy as np
from numpy.typing import NDArray

from eie_backend.errors import ConfigError
from eie_backend.isa.counters import COUNTERS
from eie_backend.isa.program import layer_storage
from eie_backend.machine.choices import ENGINE, Engine
from eie_backend.machine.energy import energy_by_part_pj, energy_pj
from eie_backend.machine.energy_table import EnergyTable
from eie_backend.profiler.report import LayerProfile, Report
from eie_backend.runtime import ProfileRow
from eie_backend.simulator.engines import read_account
from eie_backend.simulator.not_finite import Counts, only_bad
from eie_backend.simulator.runner import Runner


class Recorder:
    """Collects the counters of every program that this thread runs inside the ``with`` block.

    Programs of other threads are not recorded, not even on the same `runner`. Programs in a nested
    recorder's block belong to that recorder. Programs run on `engine`; `threads` simulator threads
    share the samples of a call, and 0 means one per core. `rows` is the result: a row per layer,
    and a row without a layer for a program's setup. A report needs the `account` of cycles.
    """

    def __init__(
        self, runner: Runner, engine: Engine = "event", *, threads: int = 0, account: bool = True
    ) -> None:
        ENGINE.checked(engine, ConfigError)
        self._account = account
        self._engine, self._threads, self._runner = engine, threads, runner
        self._block = ExitStack()
        self._programs = {program.symbol: program for program in runner.programs}
        self.rows: list[ProfileRow] = []

    def __enter__(self) -> Recorder:
        with ExitStack() as block:
            block.enter_context(self._runner.on_engine(self._engine, self._threads))
            self._runner.runtime.start_profile(account=self._account)
            self._block = block.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        with self._block:
            self.rows = self._runner.runtime.stop_profile()

    def add(self, rows: Iterable[ProfileRow]) -> None:
        """Add the rows of another recorder of the same model, from this or another process."""
        totals = {(row.symbol, row.layer): row for row in self.rows}
        for row in rows:
            key = row.symbol, row.layer
            if key not in totals:
                totals[key] = row
            elif row.layer or self._programs[row.symbol].setup_per_call:
                totals[key] = _sum(totals[key], row)
        self.rows = list(totals.values())

    def report(
        self,
        outputs: tuple[NDArray[np.generic], ...],
        table: EnergyTable,
        samples: int,
        counts: Counts | None = None,
    ) -> Report:
        """Return the recorded counters as a report on `samples` samples of the model.

        `counts` are those of the samples.
        """
        first = next(iter(self._programs.values()))
        setups = [row for row in self.rows if not row.layer]

        def loads(per_call: bool) -> dict[str, int]:
            rows = [
                _counters(row)
                for row in setups
                if self._programs[row.symbol].setup_per_call == per_call
            ]
            return {c.name: sum(row[c.name] for row in rows) for c in COUNTERS}

        return Report(
            outputs=outputs,
            layers=tuple(self._layer(row, table, samples) for row in self.rows if row.layer),
            setup=loads(per_call=False),
            reloads=loads(per_call=True),
            config=first.config,
            arithmetic=first.arithmetic,
            engine=self._engine,
            manifest=first.manifest,
            energy_table=table,
            programs=tuple(self._programs.values()),
            not_finite=only_bad(counts or {}),
        )

    def _layer(self, row: ProfileRow, table: EnergyTable, samples: int) -> LayerProfile:
        program = self._programs[row.symbol]
        config, counters = program.config, _counters(row)
        cycles = counters["cycles"]
        number = program.layers.index(row.layer)
        weights, storage = layer_storage(program, number)
        energy = energy_pj(counters, config, table, program.arithmetic)
        account = read_account(row.account, config)
        return LayerProfile(
            name=program.layers[number],
            samples=samples,
            vectors=row.samples / samples,
            min_cycles=row.min_cycles,
            max_cycles=row.max_cycles,
            counters=counters,
            energy_pj=energy,
            energy_by_part_pj=energy_by_part_pj(counters, config, table, program.arithmetic),
            weights=weights,
            storage_bytes=storage,
            cycles_per_sample=cycles / samples,
            microseconds_per_sample=cycles / samples / config.clock_mhz,
            load_balance=counters["entries"] / max(config.num_pe * cycles, 1),
            padding_ratio=counters["padding_entries"] / max(counters["entries"], 1),
            nanojoule_per_sample=sum(energy.values()) / samples / 1000,
            milliwatt=sum(energy.values()) * config.clock_mhz / max(cycles, 1) / 1000,
            breakdown={name: int(edges.sum()) for name, edges in account.breakdown.items()},
            breakdown_per_pe={n: tuple(edges.tolist()) for n, edges in account.breakdown.items()},
            blocking=tuple(account.blocking.tolist()),
            queue_occupancy=tuple(account.queue_occupancy.tolist()),
        )


def _sum(one: ProfileRow, other: ProfileRow) -> ProfileRow:
    """Return the sum of two rows of the same layer."""
    words = [np.frombuffer(row.account, np.int64) for row in (one, other)]
    return ProfileRow(
        one.symbol,
        one.layer,
        one.samples + other.samples,
        min(one.min_cycles, other.min_cycles),
        max(one.max_cycles, other.max_cycles),
        [sum(pair) for pair in zip(one.counters, other.counters, strict=True)],
        (words[0] + words[1]).tobytes(),
    )


def _counters(row: ProfileRow) -> dict[str, int]:
    return {c.name: n for c, n in zip(COUNTERS, row.counters, strict=True)}
