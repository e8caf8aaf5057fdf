"""`run` and `profile`: execute a compiled model and read where its cycles went."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm.rpc import RPCSession

from eie_backend.config import HardwareConfig
from eie_backend.energy import area_mm2, energy_by_part_pj, energy_pj
from eie_backend.energy_table import EnergyTable, read_energy_table, shipped_table
from eie_backend.engines import Engine, check_engine, read_account
from eie_backend.isa.counters import COUNTERS
from eie_backend.isa.program import Program
from eie_backend.runner import Batch, Data, Model, Runner


@dataclass(frozen=True)
class LayerProfile:
    """One layer over all samples; `counters` are sums, `*_per_sample` and ratios are derived.

    `samples` are the model's. A layer runs once for each of the `vectors` that a sample brings it:
    the positions of a convolution, the steps of a sequence. `min_cycles` and `max_cycles` are
    those of one vector.
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
    """What `profile` found.

    Attributes
    ----------
    outputs : tuple of ndarray
        The model's results, batches joined along the first axis.
    layers : tuple of LayerProfile
        In program order; layers on the host have no cycles and do not appear.
    setup : mapping of str to int
        Counters of loading resident weights, once and not per sample.
    reloads : mapping of str to int
        Counters of loading the weights of programs that take turns on the machine, at each call.
    config : HardwareConfig
        The machine.
    arithmetic : str
        "float32", "int16", "int8" or "int32".
    engine : str
        Which engine simulated.
    manifest : mapping of str to str
        What the model was made from.
    energy_table : EnergyTable
        The energies and areas that the report applies.
    programs : tuple of Program
        What ran, in the order of the library.
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

    def __repr__(self) -> str:
        cycles = sum(layer.cycles_per_sample for layer in self.layers)
        return (
            f"<Report {len(self.layers)} layers, {cycles:.1f} cycles per sample, "
            f"{self.config.num_pe} PEs, {self.arithmetic}>"
        )

    def _repr_html_(self) -> str:
        from eie_backend.displays import of_report

        return of_report(self)

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
        kinds = [c.name for c in COUNTERS if c.name.endswith("saturations")]
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
            "layers": [asdict(layer) for layer in self.layers],
            "manifest": dict(self.manifest),
            "saturations": self.saturations,
            "reloads": dict(self.reloads),
            "setup": dict(self.setup),
            "setup_dram_pj": self.setup_dram_pj,
        }


def run(
    model: Model, data: Data, engine: Engine = "event", *, remote: RPCSession | None = None
) -> tuple[NDArray[np.generic], ...]:
    """Run a compiled model.

    Parameters
    ----------
    model : path or VMExecutable
        What `compile` returned or `export_library` wrote.
    data : array or mapping of str to array
        Inputs with the compiled shape, or several of them along the first axis.
    engine : {"event", "functional", "clock"}
        How to simulate; the results are the same.
    remote : tvm.rpc.RPCSession, optional
        The server to run on, instead of this process.

    Returns
    -------
    tuple of ndarray
        The model's results, joined along the first axis.

    Raises
    ------
    InputError, ImageError
        If the data or the library is not usable.
    ConfigError
        If there is no such engine.
    RemoteError
        If the server does not answer or has no eie.
    """
    runner = Runner(model, remote)
    with Recorder(runner, engine, account=False):
        return _join([runner.call(batch) for batch in runner.calls(data)])


def profile(
    model: Model,
    data: Data,
    engine: Engine = "event",
    *,
    energy: str | PathLike[str] | None = None,
    remote: RPCSession | None = None,
) -> Report:
    """Run a compiled model and report every layer's cycles, time and energy.

    Parameters
    ----------
    model : path or VMExecutable
        What `compile` returned or `export_library` wrote.
    data : array or mapping of str to array
        As for `run`.
    engine : {"event", "functional", "clock"}
        How to simulate; "functional" counts loads and saturations, but no cycles.
    energy : path, optional
        YAML file with the rows of the shipped ``data/energy_45nm.yaml``, to take its place.
    remote : tvm.rpc.RPCSession, optional
        The server to run on, instead of this process; the report is the same.

    Returns
    -------
    Report

    Raises
    ------
    InputError, ImageError, EnergyError
        If the data, the library or the energy file is not usable.
    RemoteError
        If the server does not answer or has no eie.
    """
    table = shipped_table() if energy is None else read_energy_table(energy)
    return profile_runner(Runner(model, remote), data, engine=engine, table=table)


def profile_runner(
    runner: Runner,
    data: Data,
    track: Callable[[list[Batch]], Iterable[Batch]] = iter,
    engine: Engine = "event",
    table: EnergyTable | None = None,
    threads: int = 0,
) -> Report:
    """Run a loaded model and report, as `profile` does.

    Parameters
    ----------
    runner : Runner
        The loaded model.
    data, engine
        As for `profile`.
    track : callable
        Gets the batches and returns them one by one: it may watch them go by.
    table : EnergyTable, optional
        Energies; the shipped ones by default.
    threads : int
        Threads that share the samples of a call; 0: as many as there are cores.

    Returns
    -------
    Report

    Raises
    ------
    InputError
        If the data is not usable.
    RemoteError
        If the server does not answer.
    """
    with Recorder(runner, engine, threads=threads) as recorder:
        outputs = [runner.call(batch) for batch in track(runner.calls(data))]
    samples = runner.batch * len(outputs)
    return recorder.report(_join(outputs), table or shipped_table(), samples)


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


def _join(calls: Sequence[Sequence[NDArray[np.generic]]]) -> tuple[NDArray[np.generic], ...]:
    joined = [
        np.concatenate(parts) if parts[0].ndim else parts[0] for parts in zip(*calls, strict=True)
    ]
    return tuple(joined)
