"""Saturated values are told where nobody records: in TVM's own VM, by `Runner.call`, in Relay."""

import threading
import warnings

import numpy as np
import pytest
import tvm
import tvm_ffi
from tvm.relax import VirtualMachine

import eie_backend as eie
from eie_backend import compiler, relay
from eie_backend.errors import NotFiniteWarning, SaturationWarning
from eie_backend.profiler.recorder import Recorder
from eie_backend.runtime import runtime
from eie_backend.simulator.runner import Runner
from eie_backend.soft_errors.campaign import Campaign
from eie_backend.tuning.balance import balance

X = np.random.default_rng(0).normal(size=(4, 24)).astype(np.float32)


@pytest.fixture(scope="module")
def library(make_mlp):
    """Return a network that was calibrated with values a hundred times as small."""
    return eie.compile(eie.from_onnx(make_mlp(24, 16, 10)), calibration=X / 100)


@pytest.fixture(scope="module")
def machine(library):
    return VirtualMachine(library, tvm.cpu())


@pytest.fixture(scope="module")
def call(library, machine):
    """Return ways to run inputs of which no recorder knows, by name."""
    runner = Runner(library)
    classic = relay.graph_executor.GraphModule(machine)
    return {
        "vm": lambda x: machine["main"](tvm.runtime.tensor(x)),
        "vm, in steps": lambda x: (
            machine.set_input("main", tvm.runtime.tensor(x)),
            machine.invoke_stateful("main"),
        ),
        "Runner.call": lambda x: runner.call([x]),
        "relay": lambda x: classic.run(x=x),
    }


WAYS = ["vm", "vm, in steps", "Runner.call", "relay"]


@pytest.fixture
def counted(library):
    """Return the saturations of layers, as `run` tells them."""
    with pytest.warns(SaturationWarning) as told:
        eie.run(library, X)
    return told[0].message


@pytest.mark.parametrize("way", WAYS)
def test_every_way_tells_at_the_callers_line_what_run_does(way, call, counted):
    with pytest.warns(SaturationWarning) as told:
        call[way](X)
    (warning,) = told
    assert warning.filename == __file__
    assert str(warning.message) == str(counted)
    assert warning.message.counts == counted.counts
    assert warning.message.counts[0]["layer"] == "fc1"


@pytest.mark.parametrize("way", WAYS)
def test_it_can_be_an_error_after_which_the_machine_runs_on(way, call):
    with warnings.catch_warnings():
        warnings.simplefilter("error", SaturationWarning)
        with pytest.raises(SaturationWarning, match=r"do not fit their number formats: fc1: \d+"):
            call[way](X)
        call[way](X / 100)


def test_it_is_told_once_for_a_place_if_python_tells_so(call):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("default", SaturationWarning)
        for scale in (1, 2, 3):  # of each, other counts
            call["vm"](X * scale)
        assert len(told) == 1
        warnings.simplefilter("always", SaturationWarning)
        for _ in range(2):
            call["vm"](X)
        assert len(told) == 3
        warnings.simplefilter("error", SaturationWarning)
        with pytest.raises(SaturationWarning):
            call["vm"](X)


def test_other_layers_of_a_place_are_told(make_mlp):
    machines = [
        VirtualMachine(
            eie.compile(eie.from_onnx(make_mlp(24, 16, 10)), calibration=X * of), tvm.cpu()
        )
        for of in (1 / 100, 1 / 8)
    ]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("default", SaturationWarning)
        for machine in machines * 2:
            machine["main"](tvm.runtime.tensor(X / 4))
    layers = [tuple(row["layer"] for row in one.message.counts) for one in told]
    assert layers == [("fc1",), ("fc1", "fc2")]  # each once


def test_what_fits_is_not_told(call):
    for way in WAYS:
        call[way](X / 100)


def test_the_rate_is_that_of_the_call(make_mlp):
    big = eie.compile(eie.from_onnx(make_mlp(1024, 8, batch=8)), calibration=np.ones((8, 1024)))
    machine = VirtualMachine(big, tvm.cpu())
    x = np.zeros((8, 1024), np.float32)
    x.flat[:8] = 1000  # of 8 * (1024 + 8) values
    machine["main"](tvm.runtime.tensor(x))
    x.flat[:9] = 1000
    with pytest.warns(SaturationWarning, match=r"fc1: 9 inputs \(8,256 values written\)"):
        machine["main"](tvm.runtime.tensor(x))


@pytest.mark.parametrize("way", WAYS)
def test_of_nan_and_infinity_whoever_takes_inputs_tells(way, call):
    bad = X / 100
    bad[:, 0], bad[:, 1] = np.nan, np.inf
    with warnings.catch_warnings():
        warnings.simplefilter("error", SaturationWarning)
        warnings.simplefilter("ignore", NotFiniteWarning)
        call[way](bad)


def test_samples_beside_one_with_nan_are_counted(call):
    mixed = X.copy()
    mixed[0, 0] = np.nan
    with pytest.warns(SaturationWarning) as told:
        call["vm"](X)
        call["vm"](mixed)
    whole, of_others = (one.message.counts[0] for one in told)
    assert 0 < of_others["input"] < whole["input"]
    assert of_others["values"] == whole["values"]


def test_what_nan_does_to_samples_beside_it_is_told_by_who_takes_inputs(library):
    """`Runner.call` knows the model's inputs, so it is as with `run`: one warning for a call."""
    mixed = X.copy()
    mixed[0, 0] = np.nan
    runner = Runner(library)
    with warnings.catch_warnings():
        warnings.simplefilter("error", SaturationWarning)
        runner.call([mixed])


def test_a_recorder_tells_itself(library, machine):
    with warnings.catch_warnings():
        warnings.simplefilter("error", SaturationWarning)
        with Recorder(Runner(library)):
            machine["main"](tvm.runtime.tensor(X))
        with pytest.raises(SaturationWarning):
            machine["main"](tvm.runtime.tensor(X))


def test_a_recorder_of_another_thread_does_not_matter(library, machine):
    told = []

    def other():
        try:
            VirtualMachine(library, tvm.cpu())["main"](tvm.runtime.tensor(X))
        except SaturationWarning as warning:
            told.append(warning)

    with warnings.catch_warnings():
        warnings.simplefilter("error", SaturationWarning)
        with Recorder(Runner(library)):
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()
    assert len(told) == 1


def test_soft_errors_tell_nothing(library, machine):
    with warnings.catch_warnings():
        warnings.simplefilter("error", SaturationWarning)
        runtime().start_soft_errors([], 0, 0, [0.0] * 2, [], [])
        try:
            machine["main"](tvm.runtime.tensor(X))
        finally:
            runtime().stop_soft_errors()
        # A campaign tells where it counts costs.
        Campaign(Runner(library), X)


def test_the_compiler_tells_nothing_of_what_it_runs(make_mlp):
    to = eie.target(eie.HardwareConfig())
    prepared = compiler.prepare(eie.from_onnx(make_mlp(24, 16, 10)), to, None, X / 100)
    with warnings.catch_warnings():
        warnings.simplefilter("error", SaturationWarning)
        balanced = balance(prepared, to, "auto", X)
        machine = VirtualMachine(compiler.build(balanced, to), tvm.cpu())
        with pytest.raises(SaturationWarning):
            machine["main"](tvm.runtime.tensor(X))


def test_without_the_function_of_python_nothing_is_told(call):
    name = "eie.saturated"
    tell = tvm_ffi.get_global_func(name)
    tvm_ffi.remove_global_func(name)
    try:
        call["vm"](X)
    finally:
        tvm_ffi.register_global_func(name, tell)
    with pytest.warns(SaturationWarning):
        call["vm"](X)
