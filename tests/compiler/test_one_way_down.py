"""A network walks through the compiler once: forms and layers are found once and handed on."""

import sys
from collections import Counter

import numpy as np
import pytest
import tvm

import eie_backend as eie
from eie_backend import HardwareConfig, Recipe
from eie_backend.compiler.pipeline import PHASES
from eie_backend.machine.choices import STAGE
from eie_backend.transform.layers import layers_of

CONFIG = HardwareConfig(num_pe=4)


@pytest.fixture(scope="module")
def mod(make_mlp):
    return eie.from_onnx(make_mlp(24, 32, 16, 10))


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(size=(8, 24)).astype(np.float32)


def counted(call):
    """Return how often TVM ran each of our passes, and how often layers were looked for."""
    found = Counter()

    @tvm.instrument.pass_instrument
    class Passes:
        def run_before_pass(self, _mod, info):
            found[info.name] += 1

    def profiler(frame, event, _argument):
        found["scans"] += event == "call" and frame.f_code is layers_of.__code__

    before = sys.getprofile()
    with tvm.transform.PassContext(opt_level=3, instruments=[Passes()]):
        sys.setprofile(profiler)
        try:
            call()
        finally:
            sys.setprofile(before)
    return found


@pytest.mark.parametrize(("balance", "scans"), [("off", 6), ("auto", 8)])
def test_one_compile_looks_for_nothing_twice(mod, x, balance, scans):
    options = {"recipe": Recipe(density=0.5), "calibration": x, "balance": balance}
    found = counted(lambda: eie.compile(mod, CONFIG, **options))
    assert 1 <= found["eie.DenseForm"] <= 2
    assert 1 <= found["eie.Normalize"] <= 3
    assert 1 <= found["scans"] <= scans
    assert found["eie.ShareForMachine"] <= 1


def test_convolutions_are_lowered_once(x):
    from importlib.resources import files

    lenet = eie.from_onnx(files("eie_backend") / "data" / "lenet_5.onnx", {"batch": 1})
    found = counted(lambda: eie.compile(lenet, CONFIG, recipe=Recipe(density=0.5)))
    assert 1 <= found["eie.DenseForm"] <= 2
    assert 1 <= found["eie.Normalize"] <= 3


@pytest.mark.parametrize(
    ("verb", "times"),
    [
        (lambda mod, _x: eie.compress(mod, Recipe(density=0.5)), 1),
        (eie.calibrate, 1),
        (lambda mod, _x: eie.explain(mod, CONFIG), 1),
        (lambda mod, _x: eie.compiler.prepare(mod, CONFIG, Recipe(), strict=True), 1),
        (lambda mod, _x: tvm.compile(mod, target="eie"), 1),
        # It prepares the module, and then TVM's own entry point takes it as it takes any.
        (lambda mod, _x: eie.relay.build(mod, target="eie"), 2),
    ],
    ids=["compress", "calibrate", "explain", "prepare", "tvm.compile", "relay.build"],
)
def test_a_public_verb_brings_a_module_to_dense_form_once(mod, x, verb, times):
    assert counted(lambda: verb(mod, x))["eie.DenseForm"] == times


def test_the_table_has_every_form_in_order():
    assert ("relax", *(phase.stage for phase in PHASES)) == STAGE.values
