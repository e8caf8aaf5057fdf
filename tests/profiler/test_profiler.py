"""`run` and `profile`: inputs in any number of batches, and counters that add up."""

import json
from importlib.resources import files
from threading import Thread

import numpy as np
import pytest
import yaml
from onnx import TensorProto, helper, numpy_helper

import eie_backend as eie
from eie_backend import HardwareConfig
from eie_backend.codegen.library import programs
from eie_backend.errors import EieError, ImageError, InputError, ModelError, SaturationWarning
from eie_backend.isa.counters import COUNTERS
from eie_backend.machine.energy import area_mm2, energy_by_part_pj, energy_pj
from eie_backend.profiler import profile_runner
from eie_backend.simulator.runner import Runner

NAMES = {counter.name for counter in COUNTERS}
CONFIG = HardwareConfig(num_pe=4, clock_mhz=500)
SHIPPED_FILE = files("eie_backend") / "data" / "energy_45nm.yaml"


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(1).normal(size=(8, 24)).astype(np.float32)


@pytest.fixture(scope="module")
def compiled(make_mlp, x):
    mod = eie.from_onnx(make_mlp(24, 16, 10, batch=4))
    return eie.compile(mod, CONFIG, recipe=eie.Recipe(density=0.5), calibration=x)


@pytest.fixture(scope="module")
def report(compiled, x):
    return eie.profile(compiled, x)


def counters(report):
    return [dict(layer.counters) for layer in report.layers]


def message(call, *arguments):
    with pytest.raises(EieError) as error:
        call(*arguments)
    return str(error.value)


# Inputs


def test_batches_are_joined_in_order(compiled, x):
    apart = [eie.run(compiled, part)[0] for part in (x[:4], x[4:])]
    np.testing.assert_array_equal(eie.run(compiled, x)[0], np.concatenate(apart))


def test_input_by_name_or_alone(compiled, x):
    np.testing.assert_array_equal(eie.run(compiled, {"x": x})[0], eie.run(compiled, x)[0])


def test_input_may_be_strided(compiled, x):
    wide = np.repeat(x, 2, axis=1)[:, ::2]
    assert not wide.flags.c_contiguous
    np.testing.assert_array_equal(eie.run(compiled, wide)[0], eie.run(compiled, x)[0])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (np.zeros((4, 23), np.float32), "input x: shape (4, 23), expected (4, 24) or several of "),
        (np.zeros((0, 24), np.float32), "input x: shape (0, 24), expected (4, 24) or several of "),
        (np.zeros((6, 24), np.float32), "input x: shape (6, 24), expected (4, 24) or several of "),
        (np.zeros(96, np.float32), "input x: shape (96,), expected (4, 24) or several of "),
        (np.zeros((4, 24), bool), "input x: dtype bool, it must be float32"),
        ({}, "input x: missing"),
        ({"y": 1.0}, "input y: no such input, leave it out; input x: missing"),
    ],
    ids=["columns", "empty", "rest", "flat", "dtype", "missing", "unknown"],
)
def test_input_that_does_not_fit(compiled, data, expected):
    for call in (eie.run, eie.profile):
        assert message(call, compiled, data).startswith(expected)


def test_model_without_an_eie_program(make_mlp, x):
    import tvm

    host = tvm.compile(eie.from_onnx(make_mlp(24, 16, 10, batch=4)), target="llvm")
    with pytest.raises(ImageError) as error:
        eie.run(host, x)
    assert str(error.value) == "model holds no eie program; compile it with target 'eie'"


# Report


def test_outputs_are_those_of_a_run(report, compiled, x):
    np.testing.assert_array_equal(report.outputs[0], eie.run(compiled, x)[0])


def test_report_knows_its_machine(report):
    assert report.config == CONFIG
    assert report.arithmetic == "int16"
    assert report.manifest["recipe"] == eie.Recipe(density=0.5).to_json()


def test_layers_in_program_order(report):
    assert [layer.name for layer in report.layers] == ["fc1", "fc2"]


def test_every_counter_is_there(report):
    assert report.setup.keys() == NAMES
    assert all(layer.counters.keys() == NAMES for layer in report.layers)


def test_samples_are_those_of_all_batches(report):
    assert [layer.samples for layer in report.layers] == [8, 8]


def test_a_layer_runs_once_per_sample(report):
    assert [layer.vectors for layer in report.layers] == [1, 1]


def test_vectors_of_a_sample_are_no_samples():
    x = np.random.default_rng(2).normal(size=(6, 5, 8)).astype(np.float32)
    rng = np.random.default_rng(3)
    weights = numpy_helper.from_array(rng.normal(size=(8, 4)).astype(np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"], "fc")],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [3, 5, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [3, 5, 4])],
        [weights],
    )
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    (layer,) = eie.profile(eie.compile(eie.from_onnx(model), CONFIG), x).layers
    assert (layer.samples, layer.vectors) == (6, 5)
    assert layer.cycles_per_sample == layer.counters["cycles"] / 6
    assert layer.min_cycles <= layer.cycles_per_sample / 5 <= layer.max_cycles


def test_batches_add_up(report, compiled, x):
    parts = [counters(eie.profile(compiled, part)) for part in (x[:4], x[4:])]
    added = [{n: a[n] + b[n] for n in NAMES} for a, b in zip(*parts, strict=True)]
    assert counters(report) == added


def test_extremes_are_those_of_single_samples(compiled, make_mlp, x):
    single = eie.from_onnx(make_mlp(24, 16, 10, batch=1))
    one = eie.compile(single, CONFIG, recipe=eie.Recipe(density=0.5), calibration=x)
    cycles = [[layer.counters["cycles"] for layer in eie.profile(one, s[None]).layers] for s in x]
    for layer, own in zip(eie.profile(compiled, x).layers, np.transpose(cycles), strict=True):
        assert (layer.min_cycles, layer.max_cycles) == (own.min(), own.max())
        assert layer.counters["cycles"] == own.sum()


def test_ratios_follow_from_counters(report):
    for layer in report.layers:
        found = layer.counters
        assert layer.cycles_per_sample == found["cycles"] / 8
        assert layer.microseconds_per_sample == pytest.approx(found["cycles"] / 8 / 500)
        assert layer.load_balance == found["entries"] / (4 * found["cycles"])
        assert layer.padding_ratio == found["padding_entries"] / found["entries"]
        assert layer.energy_pj == energy_pj(found, CONFIG)
        assert layer.nanojoule_per_sample == pytest.approx(sum(layer.energy_pj.values()) / 8000)
        compute = sum(layer.energy_pj.values())
        assert layer.milliwatt == pytest.approx(compute / (found["cycles"] / 500) / 1000)
        assert layer.energy_by_part_pj == energy_by_part_pj(found, CONFIG)
        assert 0 < layer.load_balance <= 1


def test_area_and_the_energy_of_loading_weights(report):
    assert report.area_mm2 == area_mm2(CONFIG)
    assert report.setup_dram_pj == report.setup["load_bytes"] * 160


def test_float32_takes_the_arithmetic_energy_of_float32(x, make_mlp):
    compiled = eie.compile(eie.from_onnx(make_mlp(24, 16, 10)), CONFIG, arithmetic="float32")
    for layer in eie.profile(compiled, x).layers:
        assert layer.energy_pj == energy_pj(layer.counters, CONFIG, arithmetic="float32")


def test_a_table_of_ones_own(report, compiled, x, tmp_path):
    data = yaml.safe_load(SHIPPED_FILE.read_text("utf-8"))
    for row in data["rows"]:
        row["value"] *= 2 if row["unit"] in {"mW", "um2"} else 1
    own = tmp_path / "own.yaml"
    own.write_text(yaml.safe_dump(data))
    doubled = eie.profile(compiled, x, energy=own)
    assert doubled.energy_table.name == str(own)
    assert doubled.area_mm2 == pytest.approx(2 * report.area_mm2)
    for once, twice in zip(report.layers, doubled.layers, strict=True):
        assert twice.nanojoule_per_sample == pytest.approx(2 * once.nanojoule_per_sample)
        assert twice.energy_by_part_pj["dram"] == once.energy_by_part_pj["dram"]


def test_broadcasts_are_the_nonzero_activations(report, x):
    first, second = report.layers
    assert first.counters["broadcasts"] == np.count_nonzero(x)
    assert 0 < second.counters["broadcasts"] < 8 * 16
    assert first.counters["ptr_reads"] == 4 * first.counters["broadcasts"]


def test_storage_is_that_of_the_matrices_and_biases(report, compiled):
    (program,) = programs(compiled)
    sizes = [(16, 24), (10, 16)]
    bias_bytes = CONFIG.accumulator_bits // 8
    for layer, matrix, (rows, cols) in zip(report.layers, program.matrices, sizes, strict=True):
        assert layer.weights == rows * cols
        assert layer.storage_bytes == matrix.storage_bytes(CONFIG) + bias_bytes * rows


def test_resident_weights_are_loaded_once(report, compiled, x):
    assert report.setup["load_bytes"] > 0
    assert report.setup["cycles"] == 0
    assert eie.profile(compiled, x[:4]).setup == report.setup


def test_all_zero_input_divides_by_nothing(compiled):
    report = eie.profile(compiled, np.zeros((4, 24), np.float32))
    first = report.layers[0]
    assert (first.counters["entries"], first.counters["broadcasts"]) == (0, 0)
    assert (first.load_balance, first.padding_ratio) == (0, 0)
    assert first.cycles_per_sample > 0


def test_saturations_are_summed_over_layers(compiled, x):
    with pytest.warns(SaturationWarning):
        report = eie.profile(compiled, 1000 * x)
    for kind, total in report.saturations.items():
        assert total == sum(layer.counters[kind] for layer in report.layers)
    assert report.saturations["input_saturations"] > 0


JSON_KEYS = {
    "area_mm2",
    "arithmetic",
    "config",
    "energy_table",
    "engine",
    "fidelity",
    "layers",
    "manifest",
    "not_finite",
    "saturations",
    "reloads",
    "setup",
    "setup_dram_pj",
}


def test_beside_the_float_network(make_mlp):
    mod = eie.from_onnx(make_mlp(8, 6, 3, batch=2))
    x = np.random.default_rng(1).normal(size=(4, 8)).astype(np.float32)
    library = eie.compile(mod, recipe=eie.Recipe(density=0.2), calibration=x)
    alone, beside = eie.profile(library, x), eie.profile(library, x, reference=mod)
    assert alone.fidelity is None and alone.reference == ()
    (expected,) = beside.reference
    errors = np.linalg.norm(beside.outputs[0] - expected, axis=1) / np.linalg.norm(expected, axis=1)
    assert beside.fidelity.relative_error == pytest.approx(errors.mean())
    assert "Beside the float network" in beside._repr_html_()
    assert "Beside the float network" not in alone._repr_html_()
    assert alone.to_dict() == beside.to_dict() | {"fidelity": None}


def test_json_holds_everything_but_the_outputs(report):
    data = json.loads(report.to_json())
    assert data.keys() == JSON_KEYS
    assert data["config"] == CONFIG.to_dict()
    assert [layer["counters"] for layer in data["layers"]] == counters(report)
    assert data["layers"][0].keys() == vars(report.layers[0]).keys()
    assert data["engine"] == "event"


def test_json_is_the_same_every_time(report, compiled, x):
    assert eie.profile(compiled, x).to_json() == report.to_json()


def test_two_programs_are_two_layers_by_name(make_mlp):
    model = make_mlp(24, 16, 10, batch=4)
    next(node for node in model.graph.node if node.op_type == "Relu").op_type = "Tanh"
    compiled = eie.compile(eie.from_onnx(model), CONFIG)
    report = eie.profile(compiled, np.ones((4, 24), np.float32))
    assert [layer.name for layer in report.layers] == ["fc1", "fc2"]
    assert report.setup["load_bytes"] > 0
    sizes = {layer.name: layer.weights for layer in report.layers}
    assert sizes == {"fc1": 16 * 24, "fc2": 10 * 16}


# Recording


def test_earlier_runs_are_not_counted(report, compiled, x):
    eie.run(compiled, x)
    assert counters(eie.profile(compiled, x)) == counters(report)
    assert counters(eie.profile(compiled, x)) == counters(report)


def test_failed_call_leaves_no_counters_behind(report, compiled, x):
    runner = Runner(compiled)

    def fail_after_one(calls):
        yield calls[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        profile_runner(runner, x, fail_after_one)
    assert counters(profile_runner(runner, x)) == counters(report)


def test_threads_count_their_own_runs(report, compiled, x):
    found = {}

    def work(name, samples):
        found[name] = counters(eie.profile(compiled, samples))

    threads = [Thread(target=work, args=(n, x if n % 2 else x[:4])) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[1] == found[3] == counters(report)
    assert found[0] == found[2] == counters(eie.profile(compiled, x[:4]))


def test_runner_tells_its_inputs(compiled):
    assert Runner(compiled).specs == [("x", (4, 24), "float32")]


def test_track_sees_every_batch(compiled, x):
    seen = []
    profile_runner(Runner(compiled), x, lambda calls: (seen.append(len(calls)), calls)[1])
    assert seen == [2]


def test_report_of_a_library_is_that_of_the_executable(report, compiled, x, tmp_path):
    eie.export_library(compiled, tmp_path / "mlp.so")
    loaded = eie.profile(tmp_path / "mlp.so", x)
    assert loaded.to_json() == report.to_json()
    np.testing.assert_array_equal(loaded.outputs[0], report.outputs[0])


def test_not_a_library(x, tmp_path):
    with pytest.raises(ImageError, match="cannot be read"):
        eie.profile(tmp_path / "missing.so", x)


def test_error_of_the_input_is_an_input_error(compiled):
    with pytest.raises(InputError):
        eie.run(compiled, np.zeros(3, np.float32))


@pytest.mark.parametrize(
    ("reference", "error", "message"),
    [
        (lambda make: "mlp.onnx", ModelError, "reference: a path; it must be a Relax module"),
        (
            lambda make: eie.from_onnx(make(9, 6, 3, batch=2)),
            InputError,
            "the float network's inputs are",
        ),
    ],
)
def test_a_reference_that_is_none(reference, error, message, make_mlp):
    library = eie.compile(eie.from_onnx(make_mlp(8, 6, 3, batch=2)))
    with pytest.raises(error, match=message):
        eie.profile(library, np.ones((2, 8), np.float32), reference=reference(make_mlp))
