"""The classic calls: a script of the graph executor's days keeps working."""

import numpy as np
import pytest
import tvm
from onnx import TensorProto, helper, numpy_helper
from tvm import relax
from tvm.relax.frontend.onnx import from_onnx

import eie_backend as eie
from eie_backend import relay
from eie_backend.codegen.library import programs
from eie_backend.errors import EieError, ImageError, InputError, ModelError


@pytest.fixture(scope="module")
def model(make_mlp):
    return make_mlp(24, 16, 10, batch=4)


@pytest.fixture(scope="module")
def mod(model):
    """Return a module whose weights are inputs."""
    separate = from_onnx(model, keep_params_in_input=True)
    return relax.frontend.detach_params(separate)[0]


@pytest.fixture(scope="module")
def params(model):
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(1).normal(size=(4, 24)).astype(np.float32)


@pytest.fixture(scope="module")
def expected(model, x):
    return eie.run(eie.compile(eie.from_onnx(model)), x)[0]


@pytest.fixture(scope="module")
def lib(mod, params):
    return relay.build(mod, target="eie", params=params)


@pytest.fixture
def module(lib):
    return relay.GraphModule(lib["default"](tvm.cpu()))


@pytest.fixture(scope="module")
def forked():
    """Return a model with two inputs of unlike shape and two results of unlike batch."""
    rng = np.random.default_rng(3)
    nodes, weights = [], []
    for name, inputs, outputs in (("left", 12, 5), ("right", 20, 7)):
        matrix = rng.normal(size=(inputs, outputs)).astype(np.float32)
        weights.append(numpy_helper.from_array(matrix, f"{name}.weight"))
        nodes.append(
            helper.make_node("MatMul", [f"{name}_in", f"{name}.weight"], [f"{name}_out"], name)
        )
    values = {
        kind: [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in all]
        for kind, all in (
            ("in", [("left_in", [3, 12]), ("right_in", [2, 20])]),
            ("out", [("left_out", [3, 5]), ("right_out", [2, 7])]),
        )
    }
    graph = helper.make_graph(nodes, "forked", values["in"], values["out"], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def message(call, *arguments, **named):
    with pytest.raises(EieError) as error:
        call(*arguments, **named)
    return str(error.value)


def test_classic_script(mod, params, x, expected):
    lib = relay.build(mod, target="eie", params=params)
    device = tvm.cpu()
    module = relay.GraphModule(lib["default"](device))
    module.set_input("x", tvm.runtime.tensor(x))
    module.run()
    scores = module.get_output(0).numpy()
    assert scores.tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    "give",
    [
        lambda module, x: module.set_input("x", x),
        lambda module, x: module.set_input(0, x),
        lambda module, x: module.set_input(x=x),
        lambda module, x: module.set_input(key="x", value=x),
        lambda module, x: module.set_input("x", tvm.runtime.tensor(x)),
        lambda module, x: module.set_input(**{"x": x}),
    ],
    ids=["name", "number", "keyword", "key_and_value", "tensor", "mapping"],
)
def test_input_by_any_way(module, give, x, expected):
    give(module, x)
    module.run()
    np.testing.assert_array_equal(module.get_output(0).numpy(), expected)


def test_run_takes_inputs(module, x, expected):
    module.run(x=x)
    np.testing.assert_array_equal(module.get_output(0).numpy(), expected)


def test_inputs_stay_set_and_can_be_replaced(module, x, expected):
    module.set_input("x", x)
    module.run()
    module.run()
    np.testing.assert_array_equal(module.get_output(0).numpy(), expected)
    module.set_input("x", x[::-1].copy())
    module.run()
    np.testing.assert_array_equal(module.get_output(0).numpy(), expected[::-1])


def test_input_is_copied_when_it_is_set(module, x, expected):
    mine = x.copy()
    module.set_input("x", mine)
    mine[:] = 0
    module.run()
    np.testing.assert_array_equal(module.get_output(0).numpy(), expected)


def test_input_can_be_read_back(module, x):
    module.set_input("x", x)
    np.testing.assert_array_equal(module.get_input(0).numpy(), x)
    np.testing.assert_array_equal(module.get_input("x").numpy(), x)


def test_weights_are_no_inputs_any_more(module, x):
    assert module.get_num_inputs() == 1
    module.run(x=x)
    assert module.get_num_outputs() == 1


def test_two_modules_of_one_library_are_independent(lib, x, expected):
    one, other = (relay.GraphModule(lib["default"](tvm.cpu())) for _ in range(2))
    one.run(x=x)
    other.run(x=np.zeros_like(x))
    np.testing.assert_array_equal(one.get_output(0).numpy(), expected)


def test_several_inputs_and_outputs(forked):
    rng = np.random.default_rng(4)
    left, right = (rng.normal(size=s).astype(np.float32) for s in ((3, 12), (2, 20)))
    mod = eie.from_onnx(forked)
    module = relay.GraphModule(relay.build(mod)["default"](tvm.cpu()))
    assert module.get_num_inputs() == 2
    module.set_input(right_in=right, left_in=left)
    module.run()
    assert module.get_num_outputs() == 2
    both = eie.run(eie.compile(mod), {"left_in": left, "right_in": right})
    for number, expected in enumerate(both):
        np.testing.assert_array_equal(module.get_output(number).numpy(), expected)


def test_target_may_be_a_config_or_a_target(mod, params, x, expected):
    config = eie.HardwareConfig(num_pe=4)
    for target in (config, eie.target(config)):
        lib = relay.build(mod, target, params)
        assert eie.profile(lib.executable, x).config == config
        module = relay.GraphModule(lib["default"](tvm.cpu()))
        module.run(x=x)
        np.testing.assert_array_equal(module.get_output(0).numpy(), expected)


def test_params_may_be_tensors(mod, params, x, expected):
    tensors = {name: tvm.runtime.tensor(value) for name, value in params.items()}
    module = relay.GraphModule(relay.build(mod, params=tensors)["default"](tvm.cpu()))
    module.run(x=x)
    np.testing.assert_array_equal(module.get_output(0).numpy(), expected)


def test_constant_weights_need_no_params(model, x, expected):
    module = relay.GraphModule(relay.build(eie.from_onnx(model))["default"](tvm.cpu()))
    module.run(x=x)
    np.testing.assert_array_equal(module.get_output(0).numpy(), expected)


def test_exported_library_loads(lib, x, expected, tmp_path):
    path = tmp_path / "mlp.so"
    lib.export_library(path)
    module = relay.GraphModule(relay.load_module(path)["default"](tvm.cpu()))
    module.set_input("x", x)
    module.run()
    np.testing.assert_array_equal(module.get_output(0).numpy(), expected)
    np.testing.assert_array_equal(eie.run(path, x)[0], expected)


def test_altered_library_is_refused(lib, tmp_path):
    path = tmp_path / "mlp.so"
    lib.export_library(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ImageError):
        relay.load_module(path)


def test_unknown_params_are_named(mod, params):
    wrong = {**params, "fc9.weight": params["fc1.weight"], "fc0": params["fc1.bias"]}
    assert message(relay.build, mod, params=wrong) == (
        "params fc0, fc9.weight: main has no such parameter; it takes "
        "fc1.bias, fc1.weight, fc2.bias, fc2.weight, x"
    )


def test_params_of_another_shape_are_refused(mod, params):
    wrong = {**params, "fc1.weight": params["fc2.weight"]}
    with pytest.raises(InputError, match=r"fc1\.weight"):
        relay.build(mod, params=wrong)


def test_missing_weights_are_a_layer_that_cannot_run(mod, params):
    some = {name: value for name, value in params.items() if name != "fc1.weight"}
    lib = relay.build(mod, params=some)
    names = [program.layers for program in programs(lib.executable)]
    assert len(names) == 1 and len(names[0]) == 1
    with pytest.raises(ModelError, match="its weights are not a constant matrix"):
        relay.build(mod)


def test_another_target_is_refused(mod, params):
    with pytest.raises(ModelError, match="is not an eie target; use target='eie'"):
        relay.build(mod, "llvm", params)


def test_output_is_copied_into_a_given_tensor(module, x, expected):
    module.run(x=x)
    mine = tvm.runtime.tensor(np.zeros((4, 10), np.float32))
    assert module.get_output(0, mine).same_as(mine)
    np.testing.assert_array_equal(mine.numpy(), expected)


def test_current_target_counts_if_none_is_given(mod, params, x):
    config = eie.HardwareConfig(num_pe=4)
    with eie.target(config):
        lib = relay.build(mod, params=params)
    assert eie.profile(lib.executable, x).config == config
    with tvm.target.Target("llvm"), pytest.raises(ModelError, match="is not an eie target"):
        relay.build(mod, params=params)


def test_unknown_input_is_named(module, x):
    expected = "the model has no input 'image'; it has x"
    assert message(module.set_input, "image", x) == expected
    assert message(module.set_input, image=x) == expected
    assert message(module.run, image=x) == expected
    assert message(module.get_input, "image") == expected


@pytest.mark.parametrize("number", [1, -1, 100])
def test_number_of_no_input_is_refused(module, number, x):
    assert message(module.set_input, number, x) == f"the model has no input {number}; it has x"


def test_input_that_was_never_set_is_named(module):
    assert message(module.run) == "inputs x are not set; call set_input first"


@pytest.mark.parametrize("shape", [(4, 23), (8, 24), (96,)])
def test_input_of_another_shape_is_refused(module, shape):
    module.set_input("x", np.zeros(shape, np.float32))
    with pytest.raises(Exception, match=r"(?i)shape|dim|rank"):
        module.run()


def test_factory_has_one_entry(lib):
    with pytest.raises(KeyError, match="only the entry 'default', not 'main'"):
        lib["main"]
