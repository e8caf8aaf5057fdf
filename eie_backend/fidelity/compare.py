"""`compare`: run a library and its float network side by side, and tell what each layer adds."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tvm import IRModule
from tvm.relax import VMExecutable

from eie_backend.codegen.library import load
from eie_backend.fidelity.compared_layers import ComparedLayers
from eie_backend.fidelity.comparison import Comparison
from eie_backend.fidelity.float_side import FloatLayers
from eie_backend.fidelity.machine_side import ObservedMachine
from eie_backend.fidelity.measure import distances, joined
from eie_backend.host.network import HostNetwork
from eie_backend.simulator.not_finite import tell
from eie_backend.simulator.place import Batch, Model
from eie_backend.simulator.runner import Data, Runner
from eie_backend.simulator.saturation import tell_saturated
from eie_backend.transform.given import check_module


def compare(model: Model, mod: IRModule, data: Data, *, strict_inputs: bool = False) -> Comparison:
    """Tell how far each layer of a compiled model is from the float network's, and why.

    Parameters
    ----------
    model : path or VMExecutable
        The result of `compile`, or a library that `export_library` wrote.
    mod : IRModule
        The float network that it was compiled from, as `from_onnx` or `from_pytorch` gives it.
    data : array or mapping of str to array
        Inputs as for `run`; those that the network will see, not those of the calibration.
    strict_inputs : bool
        Refuse NaN and infinity in `data`, which otherwise are told by a `NotFiniteWarning`.

    Returns
    -------
    Comparison
        For each layer its error in the whole run, its own error on the float network's inputs, and
        what it inherited. `worst` is the layer with the largest error of its own.

    Raises
    ------
    InputError
        If the data or the inputs of `mod` are not those of the library.
    ImageError
        If the library is not usable.
    ModelError
        If `mod` is no module with a function ``main``.

    Notes
    -----
    **Source**: design choice; ``docs/fidelity.md`` says how to read it. Every batch runs once on
    the machine, once in floating point, and once more layer by layer on the machine with the float
    network's inputs, without counting cycles.
    """
    check_module(mod, "compare")
    executable = model if isinstance(model, VMExecutable) else load(model)
    return compare_runner(executable, Runner(executable), mod, data, strict_inputs=strict_inputs)


def compare_runner(
    executable: VMExecutable,
    runner: Runner,
    mod: IRModule,
    data: Data,
    track: Callable[[list[Batch]], Iterable[Batch]] = iter,
    *,
    strict_inputs: bool = False,
    told: bool = True,
) -> Comparison:
    """Compare a loaded library, as `compare` does; `track` yields the batches one by one.

    What is no number and what saturates is `told`, unless another run has told of it.
    """
    network = FloatLayers.of(mod, runner.programs, runner.specs)
    calls, counts = runner.counted(data)
    if told:
        tell(counts, strict_inputs)
    samples = runner.batch * len(calls)
    machine = ObservedMachine(executable, runner.programs)
    layers = ComparedLayers(network, runner.programs, machine, samples)
    host = HostNetwork(network.mod, layers.observers)
    outputs = []
    for number, batch in enumerate(track(calls)):
        at = slice(number * runner.batch, (number + 1) * runner.batch)
        results = layers.begin(at, batch)
        exact = host(*batch)
        layers.end()
        outputs.append(distances(results, exact, runner.batch))
    if told:
        tell_saturated(layers.rows, counts)
    return Comparison(joined(outputs).fidelity(), tuple(layers.comparisons()), samples)
