"""Balancing is never slower on what it simulated, and changes no result."""

import json
import re

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from tvm.ir import assert_structural_equal

import eie_backend as eie
from eie_backend import HardwareConfig, compiler
from eie_backend.codegen.library import programs
from eie_backend.compiler.stages import eie_programs
from eie_backend.errors import InputError, ModelError
from eie_backend.isa.image import encode_image
from eie_backend.machine.target import as_target
from eie_backend.transform.inputs import evenly
from eie_backend.transform.layers import layers_of
from eie_backend.tuning.balance import SAMPLES, balance, observe

P = 4
CONFIG = HardwareConfig(num_pe=P)
MODES = ("off", "on", "auto")


def skewed(model, seed=0, spread=2.0):
    """Keep a share of each row's weights that differs from row to row, as one of 15 values."""
    rng = np.random.default_rng(seed)
    values = np.append(rng.integers(1, 9, 8) / 8, -rng.integers(1, 9, 7) / 8).astype(np.float32)
    for tensor in model.graph.initializer:
        matrix = numpy_helper.to_array(tensor)
        if matrix.ndim == 2:
            share = np.minimum(rng.lognormal(-2, spread, (len(matrix), 1)), 1)
            kept = rng.random(matrix.shape) < share
            few = rng.choice(values, matrix.shape) * kept
            tensor.CopyFrom(numpy_helper.from_array(few.astype(np.float32), tensor.name))
    return eie.from_onnx(model)


def some_zeros(shape, seed=1):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=shape) * (rng.random(shape) < 0.6)).astype(np.float32)


def cycles(report):
    return {layer.name: layer.counters["cycles"] for layer in report.layers}


def profiles(mod, x, config=CONFIG, modes=MODES, **options):
    return {
        mode: eie.profile(eie.compile(mod, config, calibration=x, balance=mode, **options), x)
        for mode in modes
    }


def table(prepared):
    return json.loads(str(prepared.attrs["eie.balance"]))


@pytest.fixture(scope="module")
def uneven(make_mlp):
    return skewed(make_mlp(48, 40, 24, 10, batch=4))


def branches():
    """fc1 is read by fc2, by fc3, and added to fc2: a residual branch and several readers."""
    rng = np.random.default_rng(2)
    sizes = {"fc1": (24, 16), "fc2": (16, 16), "fc3": (16, 9)}
    weights = [
        numpy_helper.from_array(rng.normal(size=size).astype(np.float32), f"{name}.w")
        for name, size in sizes.items()
    ]
    nodes = [
        helper.make_node("MatMul", ["x", "fc1.w"], ["h"], "fc1"),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("MatMul", ["r", "fc2.w"], ["g"], "fc2"),
        helper.make_node("MatMul", ["r", "fc3.w"], ["z"], "fc3"),
        helper.make_node("Add", ["r", "g"], ["y"]),
    ]
    infos = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, size]) for name, size in group]
        for group in ([("x", 24)], [("y", 16), ("z", 9)])
    ]
    graph = helper.make_graph(nodes, "branches", *infos, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


# Cycles


@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(1, 40), min_size=2, max_size=4),
    st.sampled_from([1, 3, 4, 16]),
    st.sampled_from(["int16", "float32"]),
    st.sampled_from(["register", "column"]),
)
@settings(max_examples=3)
def test_auto_is_never_slower_and_no_word_changes(make_mlp, seed, sizes, num_pe, arithmetic, bias):
    mod = skewed(make_mlp(*sizes, batch=2, seed=seed % 100), seed)
    x = some_zeros((4, sizes[0]), seed)
    config = HardwareConfig(num_pe=num_pe, fifo_depth=4, accumulator_bits=32)
    found = profiles(mod, x, config, arithmetic=arithmetic, bias=bias)
    off, on, auto = (found[mode] for mode in MODES)
    assume(not any(off.saturations.values()))
    assert sum(cycles(auto).values()) <= sum(cycles(off).values())
    for other in (on, auto):
        if arithmetic == "int16":
            assert other.outputs[0].tobytes() == off.outputs[0].tobytes()
        else:
            np.testing.assert_allclose(other.outputs[0], off.outputs[0], rtol=1e-4, atol=1e-4)


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("mode", "bias", "arithmetic"),
    [
        ("auto", "register", "int16"),
        ("on", "column", "int16"),
        ("on", "register", "int8"),
        ("auto", "column", "float32"),
    ],
)
def test_simulated_cycles_are_those_of_the_compiled_program(uneven, mode, bias, arithmetic):
    """With tiles: blocks of 16 outputs and inputs, and inputs that fixed point makes zero."""
    tiny = HardwareConfig(num_pe=P, act_registers=4)
    x = some_zeros((8, 48))
    x[:, ::5] *= 1e-5
    options = {"arithmetic": arithmetic, "bias": bias}
    found = profiles(uneven, x, tiny, ["off", mode], **options)
    prepared = compiler.prepare(uneven, tiny, None, x, arithmetic, bias, mode)
    rows = table(prepared)["layers"]
    assert {name: row["cycles_off"] for name, row in rows.items()} == cycles(found["off"])
    assert {name: row["cycles"] for name, row in rows.items()} == cycles(found[mode])
    assert all(row["samples"] == len(x) for row in rows.values())


def test_heavy_rows_on_one_pe_are_spread(make_mlp):
    """PE 0 holds every full row and the others hold next to nothing: the machine waits for it."""
    model = make_mlp(64, 64, batch=8)
    matrix = np.zeros((64, 64), np.float32)
    matrix[::P] = 0.5
    matrix[1::P, :4] = -0.5
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(matrix, "fc1.weight"))
    x = some_zeros((8, 64))
    found = profiles(eie.from_onnx(model), x, modes=["off", "auto"])
    off, auto = (cycles(found[mode])["fc1"] for mode in ("off", "auto"))
    assert off >= 3 * auto
    assert found["auto"].layers[0].load_balance >= 3 * found["off"].layers[0].load_balance
    assert found["auto"].outputs[0].tobytes() == found["off"].outputs[0].tobytes()


def test_even_layers_stay_as_they_are_unless_balancing_is_on(make_mlp):
    """Every row is full: no order can be better."""
    mod, x = eie.from_onnx(make_mlp(8, 8, batch=2)), np.ones((2, 8), np.float32)
    prepared = {mode: compiler.prepare(mod, CONFIG, None, x, balance=mode) for mode in MODES}
    assert "eie.balance" not in prepared["off"].attrs
    assert table(prepared["auto"])["layers"]["fc1"]["order"] == "off"
    assert table(prepared["on"])["layers"]["fc1"]["order"] == "weights"
    assert_structural_equal(prepared["auto"].without_attr("eie.balance"), prepared["off"])


def test_a_layer_counts_what_its_order_does_to_its_readers(uneven):
    """Only the sum falls: fc1's order also decides when fc2's columns are broadcast."""
    x = some_zeros((8, 48))
    rows = table(compiler.prepare(uneven, CONFIG, None, x, balance="auto"))["layers"]
    assert list(rows) == ["fc1", "fc2", "fc3"]
    assert sum(r["cycles"] for r in rows.values()) < sum(r["cycles_off"] for r in rows.values())


def test_an_order_that_only_helps_the_reader_is_taken():
    """fc1 is even already; its four live outputs fill four rows of fc2's input, or one."""
    matrix = np.zeros((16, 16), np.float32)
    matrix[[0, 5, 10, 15], [0, 5, 10, 15]] = 1
    names = [numpy_helper.from_array(m, n) for n, m in (("v", matrix), ("w", matrix * 2))]
    nodes = [
        helper.make_node("MatMul", ["x", "v"], ["h"], "fc1"),
        helper.make_node("MatMul", ["h", "w"], ["y"], "fc2"),
    ]
    infos = [[helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 16])] for n in "xy"]
    graph = helper.make_graph(nodes, "two", *infos, names)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    x = np.ones((1, 16), np.float32)
    rows = table(compiler.prepare(eie.from_onnx(model), CONFIG, None, x, balance="auto"))["layers"]
    assert rows["fc1"]["cycles"] == rows["fc1"]["cycles_off"]
    assert rows["fc2"]["cycles"] < rows["fc2"]["cycles_off"]


# Values


@pytest.mark.parametrize("mode", ["on", "auto"])
def test_branches_and_results_keep_their_order(mode):
    mod = skewed(branches())
    x = some_zeros((4, 24))
    found = profiles(mod, x, modes=["off", mode])
    assert [layer.name for layer in found[mode].layers] == ["fc1", "fc2", "fc3"]
    for one, expected in zip(found[mode].outputs, found["off"].outputs, strict=True):
        assert one.tobytes() == expected.tobytes()


def test_layers_for_the_host_have_no_order(make_mlp):
    """A PE with 40 rows of activations holds fc2, not fc1."""
    mod = skewed(make_mlp(64, 16, 10, batch=2))
    small = HardwareConfig(num_pe=1, act_sram_bytes=80)
    x = some_zeros((2, 64))
    prepared = compiler.prepare(mod, small, None, x, balance="on")
    assert list(table(prepared)["layers"]) == ["fc2"]
    found = profiles(mod, x, small, ["off", "on"])
    np.testing.assert_array_equal(found["on"].outputs[0], found["off"].outputs[0])


def test_ranges_stay_valid(uneven):
    x = some_zeros((8, 48))
    off, on = (compiler.prepare(uneven, CONFIG, None, x, balance=mode) for mode in ("off", "on"))
    assert eie.calibrate(on, x).attrs["eie.calibration"].keys() == {"fc1", "fc2", "fc3"}
    for layer, ranges in off.attrs["eie.calibration"].items():
        assert dict(on.attrs["eie.calibration"][layer].items()) == dict(ranges.items())


# Without data, and how samples are chosen


def test_without_data_every_input_counts(uneven):
    rows = table(compiler.prepare(uneven, CONFIG, balance="auto"))["layers"]
    report = eie.profile(eie.compile(uneven, CONFIG, balance="auto"), np.ones((4, 48), np.float32))
    assert {row["samples"] for row in rows.values()} == {1}
    assert rows["fc1"]["cycles"] == report.layers[0].cycles_per_sample
    assert rows["fc1"]["cycles"] < rows["fc1"]["cycles_off"]


def test_samples_are_bounded_and_spread_over_the_data(uneven):
    prepared = compiler.prepare(uneven, CONFIG, None, some_zeros((4, 48)))
    x = np.zeros((4 * 2 * SAMPLES, 48), np.float32)
    x[:, 0] = np.arange(len(x))
    seen = observe(prepared, layers_of(prepared), x)["fc1"]
    assert seen.shape == (SAMPLES, 48)
    assert observe(prepared, layers_of(prepared), x[:12])["fc1"].shape == (12, 48)


@given(st.integers(1, 300), st.integers(1, 100))
def test_evenly_takes_the_first_and_keeps_distances_alike(length, count):
    found = evenly(range(length), count)
    assert len(found) == min(length, count)
    assert found[0] == 0
    steps = np.diff(found)
    assert steps.size == 0 or (1 <= steps.min() and steps.max() - steps.min() <= 1)


# How it is asked for and remembered


def test_the_module_and_the_manifest_remember(uneven):
    x = some_zeros((8, 48))
    prepared = compiler.prepare(uneven, CONFIG, None, x, balance="auto")
    target = as_target(CONFIG)
    (program,) = programs(compiler.build(prepared, target))
    assert program.manifest["balance"] == prepared.attrs["eie.balance"]
    assert table(prepared)["mode"] == "auto"
    assert programs(eie.compile(uneven, CONFIG))[0].manifest["balance"] == ""


def test_stages_show_the_balanced_module(uneven):
    x = some_zeros((8, 48))
    target = as_target(CONFIG)
    prepared = compiler.prepare(uneven, target, None, x, balance="on")
    (program,) = eie_programs(prepared, target)
    (compiled,) = programs(eie.compile(uneven, target, calibration=x, balance="on"))
    assert encode_image(program) == encode_image(compiled)
    (off,) = programs(eie.compile(uneven, target, calibration=x))
    assert encode_image(program) != encode_image(off)


def test_the_same_data_gives_the_same_bytes(uneven):
    x = some_zeros((8, 48))
    first, second = (
        encode_image(programs(eie.compile(uneven, CONFIG, calibration=x, balance="auto"))[0])
        for _ in range(2)
    )
    assert first == second


def test_off_changes_nothing(uneven):
    prepared = compiler.prepare(uneven, CONFIG)
    assert balance(prepared, as_target(CONFIG), "off").same_as(prepared)


def test_an_unknown_mode(uneven):
    message = "balance 'yes' is unknown; choose one of off, on, auto"
    for call in (eie.compile, compiler.prepare):
        with pytest.raises(ModelError, match=f"^{re.escape(message)}$"):
            call(uneven, CONFIG, balance="yes")


def test_data_that_does_not_fit(uneven):
    prepared = compiler.prepare(uneven, CONFIG)
    with pytest.raises(InputError, match=r"^input x: shape \(1, 4\), expected \(4, 48\) or "):
        balance(prepared, as_target(CONFIG), "auto", np.zeros((1, 4), np.float32))
