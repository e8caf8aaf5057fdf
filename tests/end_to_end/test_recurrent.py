"""Recurrent layers on the machine: values, programs, calibration, costs, and what users see."""

import warnings
from io import BytesIO

import numpy as np
import onnx
import pytest
import tvm
from on_llvm import on_llvm
from recurrent_nodes import recurrent
from tvm import relax

import eie_backend as eie
from eie_backend.codegen.library import programs
from eie_backend.compiler.driver import prepare
from eie_backend.search.evaluator import Evaluator
from eie_backend.simulator.runner import Runner

CONFIG = eie.HardwareConfig(num_pe=4)
CASES = {
    "LSTM": {"given": ["B", "P"], "fed": ["initial_c"]},
    "GRU": {"directions": 2},
    "RNN": {"lengths": [2, 5], "fed": ["sequence_lens"], "directions": 2},
    "after": {"linear_before_reset": 1},
}


def case(name, **changed):
    return recurrent("GRU" if name == "after" else name, **{**CASES[name], **changed})


def on_machine(library, feeds):
    machine = relax.VirtualMachine(library, tvm.cpu())
    found = machine["main"](*(tvm.runtime.tensor(one) for one in feeds.values()))
    return [one.numpy() for one in found]


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("how", ["as it is", "balanced", "pruned"])
def test_the_machine_computes_what_the_compressed_module_does(name, how):
    model, feeds = case(name)
    mod = eie.from_onnx(model)
    options = {
        "as it is": {},
        "balanced": {"balance": "on", "calibration": feeds},
        "pruned": {"recipe": eie.Recipe(density=0.5)},
    }[how]
    prepared = prepare(mod, CONFIG, arithmetic="float32", **options)
    library = eie.compile(mod, CONFIG, arithmetic="float32", strict=True, **options)
    for one, other in zip(
        on_machine(library, feeds), on_llvm(prepared, *feeds.values()), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", CASES)
def test_fixed_point_with_the_ranges_of_all_steps(name):
    model, feeds = case(name, steps=9)
    mod = eie.from_onnx(model)
    wanted = on_llvm(prepare(mod, CONFIG), *feeds.values())
    library = eie.compile(mod, CONFIG, calibration=feeds)
    for one, other in zip(on_machine(library, feeds), wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=5e-3)


def test_a_step_is_compiled_once_however_many_there_are():
    def made(steps):
        mod = eie.from_onnx(recurrent("LSTM", steps=steps, directions=2)[0], verify=False)
        library = eie.compile(mod, CONFIG)
        kernels = {line for line in library.as_text().splitlines() if line.startswith("@")}
        return len(programs(library)), len(kernels)

    assert made(16) == made(64)  # both join twice
    assert made(64)[0] == 2


def test_calibration_sees_every_step():
    model, feeds = recurrent("RNN", steps=6, batch=1, activations=["Relu"])
    feeds["X"][:] = 0
    feeds["X"][4] = 100
    ranges = eie.calibrate(eie.from_onnx(model), feeds).attrs["eie.calibration"]
    assert float(ranges["rec"]["input"]) == 100


def test_other_weights_reach_the_steps():
    model, _ = recurrent("LSTM", batch=1, head=3)
    mod = eie.from_onnx(model)
    rng = np.random.default_rng(3)
    data = rng.normal(size=(20 * 5, 1, 3)).astype(np.float32)
    judge = Evaluator(mod, data, rng.integers(3, size=20))
    layers = {layer.name: layer for layer in judge.layers}
    assert [*layers] == ["rec", "fc"]
    zero = judge.scores({"rec": np.zeros_like(layers["rec"].weights)})
    assert np.ptp(zero, axis=0).max() == 0  # only biases are left
    assert np.ptp(judge.scores({}), axis=0).max() > 0.01


def test_weights_are_loaded_once_for_all_steps():
    model, feeds = recurrent("LSTM", steps=10, batch=1)
    library = eie.compile(eie.from_onnx(model), CONFIG)
    report = eie.profile(library, feeds["X"])
    assert report.setup["load_bytes"] > 0
    assert report.reloads["load_bytes"] == 0


def test_weights_that_take_turns_are_loaded_at_every_step():
    """The two layers of a step do not fit together, and the report counts what that costs."""

    def reloads(steps):
        model, feeds = recurrent("GRU", steps=steps, batch=1, inputs=16, hidden=16)
        mod = eie.from_onnx(model)
        small = eie.HardwareConfig(num_pe=1, spmat_sram_bytes=1200)
        return eie.profile(eie.compile(mod, small), feeds["X"]).reloads["load_bytes"]

    assert reloads(6) == 2 * reloads(3) > 0


def test_a_stream_through_a_runner_is_the_sequence():
    """Each call takes the states that the one before returned."""
    options = {"fed": ["initial_h", "initial_c"], "batch": 1}
    whole, feeds = recurrent("LSTM", steps=8, **options)
    step, _ = recurrent("LSTM", steps=1, **options)
    at_once = eie.compile(eie.from_onnx(whole), CONFIG, arithmetic="float32")
    runner = Runner(eie.compile(eie.from_onnx(step), CONFIG, arithmetic="float32"))
    states = [feeds["initial_h"], feeds["initial_c"]]
    results = []
    for x in feeds["X"]:
        given = {"X": x[np.newaxis], "initial_h": states[0], "initial_c": states[1]}
        (batch,) = runner.calls(given)
        result, *states = runner.call(batch)
        results.append(result)
    wanted = on_machine(at_once, feeds)
    np.testing.assert_allclose(np.concatenate(results), wanted[0], rtol=1e-5, atol=1e-6)
    for one, other in zip(states, wanted[1:], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.torch
@pytest.mark.parametrize("dynamo", [False, True], ids=["traced", "exported"])
def test_what_pytorch_exports(dynamo):
    torch = pytest.importorskip("torch", reason="needs the extra `torch`")
    if dynamo:
        pytest.importorskip("onnxscript", reason="torch.onnx needs it")

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = torch.nn.LSTM(5, 8, 2, bidirectional=True)
            self.decoder = torch.nn.GRU(16, 6)
            self.head = torch.nn.Linear(6, 3)

        def forward(self, x):
            return self.head(self.decoder(self.encoder(x)[0])[0])

    torch.manual_seed(0)
    network, x = Network().eval(), torch.randn(7, 1, 5)
    data = BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(network, (x,), None if dynamo else data, dynamo=dynamo)
    proto = program.model_proto if dynamo else onnx.load_from_string(data.getvalue())
    (wanted,) = [network(x).detach().numpy()]
    for mod in (eie.from_onnx(proto), eie.from_pytorch(network, x)):
        (found,) = on_llvm(mod, x.numpy())
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
        eie.compile(mod, CONFIG, strict=True)
