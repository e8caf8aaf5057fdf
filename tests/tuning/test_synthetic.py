"""Number formats of a network of which nobody has given sample inputs."""

from itertools import pairwise

import numpy as np
import onnxruntime
import pytest
import tvm
from onnx import TensorProto, helper, numpy_helper
from tvm import relax

import eie_backend as eie
from eie_backend.codegen.library import programs
from eie_backend.compiler.driver import prepare
from eie_backend.host.network import HostNetwork
from eie_backend.machine.formats import LayerRange
from eie_backend.transform.attributes import attributes
from eie_backend.transform.dense_form import DenseForm
from eie_backend.transform.layers import dense_layers
from eie_backend.tuning.synthetic import PAIRS, calibrate_synthetic, widened

SHAPES = [
    (8, 4),
    (16, 16, 4),
    (64, 32, 10),
    (100, 50, 50, 2),
    (256, 128, 16),
    (784, 300, 100, 10),
    (37, 4200, 11),
]
"""Inputs, then the outputs of each layer."""


def small_valued(sizes, seed):
    """Return an MLP in ONNX whose layers have 15 values of the scale 0.1."""
    rng = np.random.default_rng(seed)
    values = rng.normal(scale=0.1, size=15).astype(np.float32)
    nodes, tensors, x = [], [], "x"
    for n, (inputs, outputs) in enumerate(pairwise(sizes)):
        bias = rng.normal(scale=0.1, size=outputs).astype(np.float32)
        tensors += [
            numpy_helper.from_array(rng.choice(values, (outputs, inputs)), f"fc{n}.weight"),
            numpy_helper.from_array(bias, f"fc{n}.bias"),
        ]
        nodes.append(
            helper.make_node("Gemm", [x, f"fc{n}.weight", f"fc{n}.bias"], [f"g{n}"], transB=1)
        )
        x = f"g{n}"
        if n < len(sizes) - 2:
            nodes.append(helper.make_node("Relu", [x], [f"r{n}"]))
            x = f"r{n}"
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size])
        for name, size in (("x", sizes[0]), (x, sizes[-1]))
    ]
    graph = helper.make_graph(nodes, "mlp", ends[:1], ends[1:], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.nightly) for seed in range(1, 6))]
)
@pytest.mark.parametrize("sizes", SHAPES, ids=str)
def test_a_network_of_small_values_is_within_a_percent_without_data(sizes, seed):
    model = small_valued(sizes, seed)
    mod = eie.from_onnx(model)
    error = relative_error(model, tvm.compile(mod, target="eie"))
    if error >= 1e-2:  # where results cancel, data do not help, either
        samples = np.random.default_rng(9).uniform(size=(64, sizes[0])).astype(np.float32)
        assert error < 1.2 * relative_error(model, eie.compile(mod, calibration=samples))


def relative_error(model, built):
    """Return the mean error of inputs from 0 to 1, relative to ONNX Runtime's results."""
    session = onnxruntime.InferenceSession(model.SerializeToString())
    machine = relax.VirtualMachine(built, tvm.cpu())
    (inputs,) = (one.shape for one in session.get_inputs())
    errors = []
    for x in np.random.default_rng(5).uniform(size=(8, *inputs)).astype(np.float32):
        (expected,) = session.run(None, {"x": x})
        found = machine["main"](tvm.runtime.tensor(x)).numpy()
        errors.append(np.linalg.norm(found - expected) / np.linalg.norm(expected))
    return np.mean(errors)


def network(build, *inputs):
    """Return a module whose `main` is what `build` emits for its inputs, (shape, dtype) each."""
    builder = relax.BlockBuilder()
    params = [relax.Var(f"x{n}", relax.TensorType(*given)) for n, given in enumerate(inputs)]
    with builder.function("main", params):
        with builder.dataflow():
            result = builder.emit_output(build(builder, *params))
        builder.emit_func_output(result)
    return builder.get()


def ranges(mod):
    """Return the ranges of a module's layers, and how they were found."""
    dense = DenseForm()(mod)
    noted = attributes(calibrate_synthetic(dense, dense_layers(dense), 16))
    return noted.calibration, noted.formats


W = np.random.default_rng(1).normal(size=(6, 5)).astype(np.float32)


def test_the_same_each_time_and_with_room():
    mod = network(lambda b, x: b.emit(relax.op.matmul(x, relax.const(W))), ((1, 6), "float32"))
    once, formats = ranges(mod)
    assert formats == "synthetic"
    assert once == ranges(mod)[0]
    (found,) = once.values()
    # Drawn from -1 to 1, so the largest of many is close to 1, with eight times the room.
    assert 7 < found.input <= 8


def test_integers_are_drawn_from_the_rows_of_their_table():
    table = np.zeros((1000, 6), np.float32)
    table[500:] = 100.0  # half of the rows are large

    def build(builder, x):
        rows = builder.emit(relax.op.take(relax.const(table), x, axis=0))
        return builder.emit(relax.op.matmul(rows, relax.const(W)))

    found, _ = ranges(network(build, ((1, 16), "int64")))
    assert [one.input for one in found.values()] == [800.0]


def test_values_that_are_no_numbers_do_not_count():
    def build(builder, x):
        logarithm = builder.emit(relax.op.log(x))  # NaN for what is below 0
        return builder.emit(relax.op.matmul(logarithm, relax.const(W)))

    found, formats = ranges(network(build, ((1, 6), "float32")))
    assert formats == "synthetic"
    assert all(np.isfinite(one.input) for one in found.values())


def test_a_network_without_results_of_these_inputs_keeps_the_assumption():
    def build(builder, x):
        root = builder.emit(relax.op.sqrt(builder.emit(relax.op.subtract(x, relax.const(5.0)))))
        return builder.emit(relax.op.matmul(root, relax.const(W)))

    assert ranges(network(build, ((1, 6), "float32"))) == ({}, "")


def test_a_relu_that_cuts_all_leaves_the_range_of_the_sums():
    low = np.full(5, -100, np.float32)

    def build(builder, x):
        product = builder.emit(relax.op.matmul(x, relax.const(W)))
        return builder.emit(relax.op.nn.relu(builder.emit(relax.op.add(product, relax.const(low)))))

    (found,) = ranges(network(build, ((1, 6), "float32")))[0].values()
    assert found.output > 100


def test_few_inputs_get_more_room_than_many():
    seen = LayerRange(1.0, 1.0, 1.0, 1.0, 1.0)
    assert widened(seen, 9, 16).sum > 2 * widened(seen, 5000, 16).sum == 2.0
    assert widened(seen, 9, 16).input == 8.0
    assert widened(seen, 9, 8).input == widened(seen, 9, 8).sum == 2.0


def test_each_path_of_the_compiler_has_the_same_formats_and_data_come_first():
    mod = eie.from_onnx(small_valued((16, 16, 4), 0))
    x = np.full((1, 16), 100, np.float32)
    built = [
        tvm.compile(mod, target="eie"),
        eie.compile(mod),
        tvm.compile(prepare(mod), target="eie"),
        eie.relay.build(mod, target="eie").executable,
    ]
    told = [[program.steps for program in programs(one)] for one in built]
    assert all(one == told[0] for one in told)
    given = programs(eie.compile(mod, calibration=x))
    assert given[0].steps != told[0][0]
    assert given[0].manifest["formats"] == "samples"
    assert programs(built[0])[0].manifest["formats"] == "synthetic"
    assert programs(eie.compile(mod, arithmetic="float32"))[0].manifest["formats"] == ""


def test_calls_are_few_where_layers_have_many_outputs(monkeypatch):
    calls = []
    call = HostNetwork.__call__
    monkeypatch.setattr(
        HostNetwork, "__call__", lambda self, *x: (calls.append(1), call(self, *x))[1]
    )
    for outputs, expected in ((64, 2), (1, 2 * PAIRS)):
        calls.clear()
        weights = np.ones((6, outputs), np.float32)
        build = lambda b, x, w=weights: b.emit(relax.op.matmul(x, relax.const(w)))  # noqa: E731
        ranges(network(build, ((1, 6), "float32")))
        assert len(calls) == expected
