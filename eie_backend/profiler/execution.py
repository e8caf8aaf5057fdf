"""`run` and `profile`: execute a compiled model, and report its cycles by layer and cause."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from os import PathLike

import numpy as np
from numpy.typing import NDArray
from tvm import IRModule
from tvm.rpc import RPCSession

from eie_backend.fidelity.measure import distances, joined
from eie_backend.fidelity.reference import FloatNetwork, Results
from eie_backend.machine.choices import Engine
from eie_backend.machine.energy_table import EnergyTable, read_energy_table, shipped_table
from eie_backend.profiler.recorder import Recorder
from eie_backend.profiler.report import Report
from eie_backend.simulator.not_finite import tell
from eie_backend.simulator.place import Batch, Model
from eie_backend.simulator.runner import Data, Runner
from eie_backend.simulator.saturation import tell_saturated


def run(
    model: Model,
    data: Data,
    engine: Engine = "event",
    *,
    remote: RPCSession | None = None,
    strict_inputs: bool = False,
) -> tuple[NDArray[np.generic], ...]:
    """Run a compiled model.

    Parameters
    ----------
    model : path or VMExecutable
        The result of `compile`, or a library that `export_library` wrote.
    data : array or mapping of str to array
        Inputs with the compiled shape, or several of them along the first axis.
    engine : {"event", "functional", "clock"}
        The simulator's engine; all give the same results.
    remote : tvm.rpc.RPCSession, optional
        The server to run on, instead of this process.
    strict_inputs : bool
        Refuse NaN and infinity in `data`, which otherwise are told by a `NotFiniteWarning`.

    Returns
    -------
    tuple of ndarray
        The model's results, joined along the first axis. A `SaturationWarning` tells of layers in
        which more values than one in a thousand did not fit their number formats.

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
    with Recorder(runner, engine, account=False) as recorder:
        calls, counts = runner.counted(data)
        tell(counts, strict_inputs)
        outputs = _join([runner.call(batch) for batch in calls])
    tell_saturated(recorder.rows, counts)
    return outputs


def profile(
    model: Model,
    data: Data,
    engine: Engine = "event",
    *,
    energy: str | PathLike[str] | None = None,
    remote: RPCSession | None = None,
    strict_inputs: bool = False,
    reference: IRModule | None = None,
) -> Report:
    """Run a compiled model and report every layer's cycles, time and energy.

    Parameters
    ----------
    model : path or VMExecutable
        The result of `compile`, or a library that `export_library` wrote.
    data : array or mapping of str to array
        As for `run`.
    engine : {"event", "functional", "clock"}
        The simulator's engine; "functional" counts loads and saturations, but no cycles.
    energy : path, optional
        YAML file with the rows of the shipped ``data/energy_45nm.yaml``, to take its place.
    remote : tvm.rpc.RPCSession, optional
        The server to run on, instead of this process; the report is the same.
    strict_inputs : bool
        Refuse NaN and infinity in `data`, which otherwise are told by a `NotFiniteWarning`.
    reference : IRModule, optional
        The float network, as imported: it runs on the same data, and the report has the `fidelity`
        of the machine's results.

    Returns
    -------
    Report

    Raises
    ------
    InputError, ImageError, EnergyError
        If the data, the library or the energy file is not usable, or the float network's inputs
        are not the library's.
    ModelError
        If the float network is no module.
    RemoteError
        If the server does not answer or has no eie.
    """
    table = shipped_table() if energy is None else read_energy_table(energy)
    runner = Runner(model, remote)
    return profile_runner(
        runner,
        data,
        engine=engine,
        table=table,
        strict_inputs=strict_inputs,
        reference=None if reference is None else FloatNetwork(reference, runner.specs),
    )


def profile_runner(
    runner: Runner,
    data: Data,
    track: Callable[[list[Batch]], Iterable[Batch]] = iter,
    engine: Engine = "event",
    table: EnergyTable | None = None,
    threads: int = 0,
    strict_inputs: bool = False,
    told: bool = True,
    reference: Results | None = None,
) -> Report:
    """Run a loaded model and report, as `profile` does.

    Parameters
    ----------
    runner : Runner
        The loaded model.
    data, engine
        As for `profile`.
    track : callable
        Receives the batches and yields them one by one, for example to show progress.
    table : EnergyTable, optional
        Energies; the shipped ones by default.
    threads : int
        Threads that share the samples of a call; 0 means one per core.
    strict_inputs : bool
        As for `profile`.
    told : bool
        Whether a `SaturationWarning` tells of values that do not fit their formats.
    reference : callable, optional
        Returns the float network's results of each batch in turn.

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
        calls, counts = runner.counted(data)
        tell(counts, strict_inputs)
        outputs = [runner.call(batch) for batch in track(calls)]
    samples = runner.batch * len(outputs)
    if told:
        tell_saturated(recorder.rows, counts)
    made = recorder.report(_join(outputs), table or shipped_table(), samples, counts)
    if reference is None:
        return made
    expected = [reference(batch) for batch in calls]
    pairs = zip(outputs, expected, strict=True)
    measured = joined([distances(y, r, runner.batch) for y, r in pairs]).fidelity()
    return replace(made, fidelity=measured, reference=_join(expected))


def _join(calls: Sequence[Sequence[NDArray[np.generic]]]) -> tuple[NDArray[np.generic], ...]:
    joined = [
        np.concatenate(parts) if parts[0].ndim else parts[0] for parts in zip(*calls, strict=True)
    ]
    return tuple(joined)
