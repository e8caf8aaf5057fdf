"""Counters of the programs that a thread runs, and the report that is made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eie_backend.energy import energy_by_part_pj, energy_pj
from eie_backend.energy_table import EnergyTable
from eie_backend.engines import Engine, check_engine, read_account
from eie_backend.isa.counters import COUNTERS
from eie_backend.isa.program import Program
from eie_backend.profiler.report import LayerProfile, Report
from eie_backend.runner import Runner


class Recorder:
    """Collects the counters of every program that this thread runs inside the ``with`` block.

    What other threads run meanwhile is not among them, not even on the same `runner`. The programs
    run on `engine`; `account` also asks where their cycles went. `threads` of the simulator share
    the samples of a call, 0: as many as there are cores. `rows` is what was recorded, as plain
    data: a row per layer, and one without a layer for a program's setup.
    """

    def __init__(
        self,
        runner: Runner,
        engine: Engine = "event",
        *,
        account: bool = True,
        threads: int = 0,
    ) -> None:
        check_engine(engine)
        self._engine, self._options = engine, (engine, account, 0, threads)
        self._function = runner.function
        self._programs = {program.symbol: program for program in runner.programs}
        self.rows: list[dict[str, Any]] = []

    def __enter__(self) -> Recorder:
        self._function("eie.profile_start")(*self._options)
        return self

    def __exit__(self, *_: object) -> None:
        self.rows = [_plain(row) for row in self._function("eie.profile_stop")()]

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add what another recorder recorded of the same model, in whatever process."""
        known = {(row["symbol"], row["layer"]): row for row in self.rows}
        for row in rows:
            total = known.get((row["symbol"], row["layer"]))
            if total is None:
                self.rows.append(dict(row))
            elif row["layer"] or self._programs[row["symbol"]].setup_per_call:
                _add(total, row)

    def report(
        self, outputs: tuple[NDArray[np.generic], ...], table: EnergyTable, samples: int
    ) -> Report:
        """Return what was recorded for that many samples of the model."""
        first = next(iter(self._programs.values()))
        setups = [row for row in self.rows if not row["layer"]]

        def loads(per_call: bool) -> dict[str, int]:
            rows = [
                _counters(row)
                for row in setups
                if self._programs[row["symbol"]].setup_per_call == per_call
            ]
            return {c.name: sum(row[c.name] for row in rows) for c in COUNTERS}

        return Report(
            outputs=outputs,
            layers=tuple(self._layer(row, table, samples) for row in self.rows if row["layer"]),
            setup=loads(per_call=False),
            reloads=loads(per_call=True),
            config=first.config,
            arithmetic=first.arithmetic,
            engine=self._engine,
            manifest=first.manifest,
            energy_table=table,
            programs=tuple(self._programs.values()),
        )

    def _layer(self, row: Mapping[str, Any], table: EnergyTable, samples: int) -> LayerProfile:
        program = self._programs[row["symbol"]]
        config, counters = program.config, _counters(row)
        cycles = counters["cycles"]
        number = program.layers.index(row["layer"])
        weights, storage = layer_storage(program, number)
        energy = energy_pj(counters, config, table, program.arithmetic)
        account = read_account(row["account"], config)
        return LayerProfile(
            name=program.layers[number],
            samples=samples,
            vectors=row["samples"] / samples,
            min_cycles=row["min_cycles"],
            max_cycles=row["max_cycles"],
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


def layer_storage(program: Program, layer: int) -> tuple[int, int]:
    """Return the weights of a layer's dense matrix and the bytes that the machine stores for it."""
    steps = [step for step in program.steps if step.layer == layer]
    matrices = [program.matrices[s.operands["matrix"]] for s in steps if s.instruction == "mvm"]
    biases = [program.biases[s.operands["bias"]] for s in steps if s.instruction == "load_bias"]
    bias_bytes = sum(bias.size for bias in biases) * program.config.accumulator_bits // 8
    storage = sum(matrix.storage_bytes(program.config) for matrix in matrices) + bias_bytes
    return sum(matrix.rows * matrix.cols for matrix in matrices), storage


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    plain = {str(key): value for key, value in row.items()}
    return {
        **{name: str(plain[name]) for name in ("symbol", "layer")},
        **{name: int(plain[name]) for name in ("samples", "min_cycles", "max_cycles")},
        "counters": [int(count) for count in plain["counters"]],
        "account": bytes(plain["account"]),
    }


def _add(total: dict[str, Any], row: Mapping[str, Any]) -> None:
    """Add a row to another of the same layer."""
    total["samples"] += row["samples"]
    total["min_cycles"] = min(total["min_cycles"], row["min_cycles"])
    total["max_cycles"] = max(total["max_cycles"], row["max_cycles"])
    pairs = zip(total["counters"], row["counters"], strict=True)
    total["counters"] = [sum(pair) for pair in pairs]
    words = [np.frombuffer(one["account"], np.int64) for one in (total, row)]
    total["account"] = (words[0] + words[1]).tobytes()


def _counters(row: Mapping[str, Any]) -> dict[str, int]:
    return {c.name: n for c, n in zip(COUNTERS, row["counters"], strict=True)}
