"""Registered converters: what they give `from_onnx`, what they are told, what is their fault."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime
import pytest
import tvm
from on_llvm import on_llvm
from onnx import TensorProto, helper, numpy_helper
from tvm import relax
from tvm.relax.frontend.onnx import from_onnx as tvm_from_onnx

import eie_backend as eie
from eie_backend.errors import InputError, ModelError
from eie_backend.frontend import onnx_operators, register_onnx_operator, unregister_onnx_operator

X = np.linspace(-2, 2, 8, dtype=np.float32).reshape(2, 4)
ORG = "org.example"


@pytest.fixture(autouse=True)
def nothing_stays_registered():
    yield
    for one in onnx_operators():
        if one in onnx_operators():
            unregister_onnx_operator(one.name, domain=one.domain)


def model(*nodes, results=("y",), shape=(2, 4), opset=17, version=3, weights=()):
    """Return a model from `x`."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (2, 4))],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in results],
        [numpy_helper.from_array(value, name) for name, value in weights],
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid(ORG, version)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def cubes(name="cube", **attributes):
    return helper.make_node("Cube", ["x"], ["y"], name, domain=ORG, **attributes)


def cube(_builder, inputs, _attributes):
    (x,) = inputs
    return relax.op.multiply(x, relax.op.multiply(x, x))


def scaled(factor):
    return lambda _builder, inputs, _attributes: relax.op.multiply(
        inputs[0], relax.const(factor, "float32")
    )


def values(mod):
    found = on_llvm(mod, X)
    return found if len(found) > 1 else found[0]


def failure(proto):
    with pytest.raises(ModelError) as caught:
        eie.from_onnx(proto)
    return str(caught.value)


# What it gives


def test_an_operator_of_another_domain_is_converted_under_its_nodes_name():
    register_onnx_operator("Cube", cube, domain=ORG)
    mod = eie.from_onnx(model(cubes()))
    np.testing.assert_allclose(values(mod), X**3, rtol=1e-6)
    assert [(row.name, row.runs_on) for row in eie.explain(mod)] == [
        ("cube_multiply", "host"),
        ("cube", "host"),
    ]


def test_the_host_runs_it_between_layers_of_the_machine():
    """ONNX Runtime is the oracle: it knows the operator that TVM lacks, by ONNX's own function."""
    register_onnx_operator("Celu", celu_with_alpha)
    w, v = (np.random.default_rng(n).normal(size=(4, 4)).astype(np.float32) for n in (0, 1))
    proto = model(
        helper.make_node("MatMul", ["x", "w"], ["h"], "fc1"),
        helper.make_node("Celu", ["h"], ["c"], "celu", alpha=2.0),
        helper.make_node("MatMul", ["c", "v"], ["y"], "fc2"),
        weights=[("w", w), ("v", v)],
    )
    mod = eie.from_onnx(proto)
    placed = {row.name: row.runs_on for row in eie.explain(mod)}
    assert (placed["fc1"], placed["celu"], placed["fc2"]) == ("machine", "host", "machine")
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    config = eie.HardwareConfig(num_pe=4, codebook_bits=7)
    (found,) = eie.run(eie.compile(mod, config, arithmetic="float32"), X)
    np.testing.assert_allclose(found, session.run(None, {"x": X})[0], rtol=1e-5, atol=1e-5)


def celu_with_alpha(builder, inputs, attributes):
    alpha = attributes.get("alpha", 1.0)

    def compute(x):
        te = tvm.te
        low = lambda *i: alpha * (te.exp(x[i] / alpha) - 1)  # noqa: E731
        return te.compute(x.shape, lambda *i: te.max(x[i], 0) + te.min(low(*i), 0), "celu")

    return builder.call_te(compute, inputs[0])


def test_a_product_with_weights_is_a_layer_of_the_machine():
    def dense(_builder, inputs, _attributes):
        return relax.op.nn.relu(relax.op.matmul(*inputs))

    register_onnx_operator("Dense", dense, domain=ORG)
    weights = np.eye(4, dtype=np.float32)
    node = helper.make_node("Dense", ["x", "w"], ["y"], "fc", domain=ORG)
    mod = eie.from_onnx(model(node, weights=[("w", weights)]))
    assert {row.runs_on for row in eie.explain(mod)} == {"machine"}
    (layer,) = eie.profile(eie.compile(mod), X).layers
    assert layer.name == "fc"


def test_several_results():
    def halves(_builder, inputs, _attributes):
        return inputs[0], relax.op.negative(inputs[0])

    register_onnx_operator("Halves", halves, domain=ORG)
    node = helper.make_node("Halves", ["x"], ["y", "z"], domain=ORG)
    one, other = values(eie.from_onnx(model(node, results=("y", "z"))))
    assert one.tolist() == X.tolist()
    assert other.tolist() == (-X).tolist()


def test_in_the_branches_of_a_condition():
    def branch(name, *nodes):
        info = helper.make_tensor_value_info("b", TensorProto.FLOAT, (2, 4))
        return helper.make_graph(nodes, name, [], [info])

    register_onnx_operator("Cube", cube, domain=ORG)
    then = branch("then", helper.make_node("Cube", ["x"], ["b"], domain=ORG))
    otherwise = branch("else", helper.make_node("Neg", ["x"], ["b"]))
    yes = numpy_helper.from_array(np.array(True), "yes")
    proto = model(helper.make_node("If", ["yes"], ["y"], then_branch=then, else_branch=otherwise))
    proto.graph.initializer.append(yes)
    np.testing.assert_allclose(values(eie.from_onnx(proto)), X**3, rtol=1e-6)


def test_what_a_converter_is_told():
    told = []

    def look(builder, inputs, attributes):
        told.append((type(builder), inputs, attributes))
        return inputs[0]

    register_onnx_operator("Look", look, domain=ORG)
    node = helper.make_node(
        "Look", ["x", "", "w"], ["y"], domain=ORG, f=0.5, i=3, s="text", many=[1, 2],
        texts=["a", "b"], t=numpy_helper.from_array(np.arange(3)),
    )  # fmt: skip
    eie.from_onnx(model(node, weights=[("w", np.ones(4, np.float32))]))
    ((builder, (x, nothing, w), attributes),) = told
    assert builder is relax.BlockBuilder
    assert (nothing, w.value.numpy().tolist()) == (None, [1, 1, 1, 1])
    assert list(map(int, x.ty.shape)) == [2, 4]
    assert attributes.pop("t").tolist() == [0, 1, 2]
    assert attributes == {"f": 0.5, "i": 3, "s": "text", "many": (1, 2), "texts": ("a", "b")}


# Which counts


def test_an_operator_that_tvm_imports_is_overridden_here_and_not_in_tvm():
    proto = model(helper.make_node("Neg", ["x"], ["y"]))
    register_onnx_operator("Neg", scaled(3.0))
    assert values(eie.from_onnx(proto, verify=False)).tolist() == (3 * X).tolist()
    assert values(tvm_from_onnx(proto)).tolist() == (-X).tolist()
    unregister_onnx_operator("Neg")
    assert values(eie.from_onnx(proto)).tolist() == (-X).tolist()


def test_domains_do_not_mix():
    register_onnx_operator("Neg", scaled(3.0), domain=ORG)
    own = helper.make_node("Neg", ["x"], ["h"])
    theirs = helper.make_node("Neg", ["h"], ["y"], domain=ORG)
    assert values(eie.from_onnx(model(own, theirs), verify=False)).tolist() == (-3 * X).tolist()


def test_both_names_of_onnx_s_domain_are_one():
    register_onnx_operator("Neg", scaled(3.0), domain="ai.onnx")
    proto = model(helper.make_node("Neg", ["x"], ["y"]))
    assert values(eie.from_onnx(proto, verify=False)).tolist() == (3 * X).tolist()


@pytest.mark.parametrize(("version", "factor"), [(1, 1), (2, 2), (4, 2), (5, 5), (6, 5)])
def test_the_latest_version_that_the_model_reaches(version, factor):
    for since in (5, 1, 2):
        register_onnx_operator("Cube", scaled(float(since)), domain=ORG, since_version=since)
    found = values(eie.from_onnx(model(cubes(), version=version)))
    assert found.tolist() == (factor * X).tolist()


def test_registering_again_takes_the_place():
    register_onnx_operator("Cube", scaled(1.0), domain=ORG)
    assert register_onnx_operator("Cube", domain=ORG)(cube) is cube
    register_onnx_operator("Cube", cube, domain=ORG)
    (one,) = onnx_operators()
    assert (one.qualified, one.since_version, one.converter) == ("org.example::Cube", 1, cube)


def test_many_threads_register():
    def work(number):
        domain = f"{ORG}.{number}"
        for version in range(1, 100):
            register_onnx_operator("Cube", cube, domain=domain, since_version=version)
        found = [one.since_version for one in onnx_operators() if one.domain == domain]
        unregister_onnx_operator("Cube", domain=domain)
        return found

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(16))) == [list(range(1, 100))] * 16
    assert onnx_operators() == []


# Refused


def test_all_unknown_operators_are_named_with_a_way_out():
    register_onnx_operator("Later", cube, domain=ORG, since_version=4)
    nodes = [
        cubes(),
        helper.make_node("Fancy", ["y"], ["z"]),
        helper.make_node("Fancy", ["z"], ["a"]),
        helper.make_node("Later", ["a"], ["b"], domain=ORG),
    ]
    assert failure(model(*nodes)) == (
        "model: TVM's ONNX importer does not have org.example::Cube (node 'cube'), Fancy "
        "(node 'z'), org.example::Later 3 (registered since 4, node 'b'); export the model with "
        "other operators, or register a converter for each: eie_backend.register_onnx_operator"
    )


def returns(value):
    def converter(_builder, inputs, _attributes):
        return value(inputs[0])

    converter.__qualname__ = "mine"
    return converter


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (lambda x: {}["y"], "raises KeyError: 'y' is missing"),
        (lambda x: np.zeros(3), "returns ndarray, not a Relax expression or a tuple of them"),
        (lambda x: (x, None), "returns NoneType, not a Relax expression or a tuple of them"),
        (lambda x: relax.ShapeExpr([2]), "returns ShapeType as result 0, not a tensor"),
        (lambda x: (), "returns 0 results, the node has 1"),
        (
            lambda x: relax.op.reshape(x, (8, 1)),
            "returns (8, 1) float32 as y, declared (2, 4) float32",
        ),
        (
            lambda x: relax.op.astype(x, "float64"),
            "returns (2, 4) float64 as y, declared (2, 4) float32",
        ),
    ],
)
def test_a_converter_that_fails_is_blamed_by_name(value, says):
    register_onnx_operator("Cube", returns(value), domain=ORG)
    assert failure(model(cubes())) == (
        f"model: node 'cube': the converter {__name__}.mine of org.example::Cube {says}; correct it"
    )


def test_a_shape_that_onnx_knows_better_is_the_converters_fault():
    register_onnx_operator("Relu", returns(lambda x: relax.op.reshape(x, (8, 1))))
    nodes = [helper.make_node("Relu", ["x"], ["r"], "relu"), helper.make_node("Tanh", ["r"], ["y"])]
    assert failure(model(*nodes)) == (
        "model: node 'relu' (Relu): r has shape (8, 1), by ONNX (2, 4): the converter that you "
        "registered is wrong; correct it"
    )


def test_expressions_that_do_not_fit_together_are_the_converters_fault():
    register_onnx_operator("Cube", returns(lambda x: relax.op.matmul(x, x)), domain=ORG)
    message = failure(model(cubes()))
    assert "node 'cube': the converter" in message
    assert "org.example::Cube raises " in message
    assert "Matmul requires the reduction" in message


def test_fewer_results_than_the_node_has():
    register_onnx_operator("Halves", returns(lambda x: x), domain=ORG)
    node = helper.make_node("Halves", ["x"], ["y", "z"], "h", domain=ORG)
    assert "returns 1 results, the node has 2" in failure(model(node, results=("y", "z")))


def test_a_result_whose_extents_are_not_declared_may_have_any():
    register_onnx_operator("Cube", returns(lambda x: relax.op.reshape(x, (8, 1))), domain=ORG)
    assert values(eie.from_onnx(model(cubes(), shape=("n", 1)))).shape == (8, 1)
    assert "declared (n)" in failure(model(cubes(), shape=("n",)))


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (("", cube), "name is '', it must be a text that is not empty"),
        (("Cube", 3), "converter is 3, it must be callable"),
        (("If", cube), "name is 'If', whose branches only TVM's importer converts; take another"),
    ],
)
def test_impossible_arguments(arguments, fault):
    with pytest.raises(InputError) as caught:
        register_onnx_operator(*arguments)
    assert str(caught.value) == f"register_onnx_operator: {fault}"


def test_all_impossible_arguments_at_once():
    with pytest.raises(InputError) as caught:
        register_onnx_operator(None, cube, domain=3, since_version=0)
    assert str(caught.value) == (
        "register_onnx_operator: name is None, it must be a text that is not empty; domain is 3, "
        "it must be a text; since_version is 0, it must be an integer of at least 1"
    )


def test_what_is_not_registered_cannot_be_taken_back():
    with pytest.raises(InputError) as caught:
        unregister_onnx_operator("Cube", domain=ORG)
    assert str(caught.value) == (
        "unregister_onnx_operator: org.example::Cube is not registered; take one of "
        "onnx_operators()"
    )
