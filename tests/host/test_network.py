"""`HostNetwork`: results, observed products, other weights, nested results."""

import numpy as np
import onnxruntime
import pytest
import tvm
from tvm import relax

import eie_backend as eie
from eie_backend.errors import ModelError
from eie_backend.host.network import HostNetwork
from eie_backend.host.returning import returning
from eie_backend.transform.layers import dense_layers

X = np.random.default_rng(0).normal(size=(4, 24)).astype(np.float32)


@pytest.fixture(scope="module")
def proto(make_mlp):
    return make_mlp(24, 16, 10)


@pytest.fixture(scope="module")
def mod(proto):
    return eie.from_onnx(proto)


def test_its_results_are_those_of_onnx_runtime(proto, mod):
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    (found,) = HostNetwork(mod)(X)
    np.testing.assert_allclose(found, session.run(None, {"x": X})[0], rtol=1e-5, atol=1e-5)


def test_products_are_observed(mod):
    seen = {}

    def observer(name):
        return lambda x: seen.setdefault(name, []).append(x.copy())

    network = HostNetwork(
        mod, {layer.uses[0].binding.var: observer(layer.name) for layer in dense_layers(mod)}
    )
    for _ in range(2):
        network(X)
    (first, _), (second, again) = seen.values()
    np.testing.assert_array_equal(first, X)
    assert second.shape == (4, 16)
    assert (second >= 0).all()
    np.testing.assert_array_equal(second, again)


def test_a_product_of_a_function_is_observed_at_each_call():
    builder, x = relax.BlockBuilder(), relax.Var("x", relax.TensorType((2, 3), "float32"))
    inner = relax.Var("h", relax.TensorType((2, 3), "float32"))
    weights = relax.const(np.full((3, 3), 0.5, np.float32))
    with builder.function("step", [inner], private=True):
        builder.emit_func_output(builder.emit(relax.op.matmul(inner, weights), "fc"))
    step = next(gvar for gvar in builder.get().get_global_vars())
    with builder.function("main", [x]):
        builder.emit_func_output(builder.emit(step(builder.emit(step(x)))))
    mod = builder.get()
    (layer,) = dense_layers(mod)
    seen = []
    network = HostNetwork(mod, {layer.uses[0].binding.var: lambda h: seen.append(h.copy())})
    (found,) = network(X[:2, :3])
    np.testing.assert_array_equal(seen[0], X[:2, :3])
    np.testing.assert_allclose(found, seen[1] @ np.full((3, 3), 0.5), rtol=1e-6)


def test_each_call_has_its_weights(mod):
    (layer, _) = dense_layers(mod)
    network = HostNetwork(mod, weights={"w": layer.operand})
    (own,) = HostNetwork(mod)(X)
    np.testing.assert_array_equal(network(X, layer.operand.value)[0], own)
    zeros = np.zeros_like(layer.weights.T)
    same = network(X, zeros)[0]
    assert (same == same[0]).all(), "inputs are multiplied by nothing"


def test_nested_results_are_one_list():
    builder, x = relax.BlockBuilder(), relax.Var("x", relax.TensorType((2, 3), "float32"))
    with builder.function("main", [x]):
        pair = relax.Tuple([x, relax.Tuple([builder.emit(relax.op.negative(x)), x])])
        builder.emit_func_output(pair)
    found = HostNetwork(builder.get())(X[:2, :3])
    assert [one.tolist() for one in found] == [(s * X[:2, :3]).tolist() for s in (1, -1, 1)]


def test_control_flow_returns_nothing_of_its_own():
    x, condition = (
        relax.Var("x", relax.TensorType((), "float32")),
        relax.Var("c", relax.TensorType((), "bool")),
    )
    builder = relax.BlockBuilder()
    with builder.function("main", [x, condition]):
        builder.emit_func_output(builder.emit(relax.op.negative(x)))
    function = builder.get()["main"]
    both = relax.SeqExpr([], relax.If(condition, function.body, function.body))
    branched = relax.Function([x, condition], both, x.ty)
    with pytest.raises((ModelError, tvm.error.InternalError)):
        returning(tvm.IRModule({"main": branched}), [x])


def test_a_constant_of_no_values():
    builder, x = relax.BlockBuilder(), relax.Var("x", relax.TensorType((2, 3), "float32"))
    with builder.function("main", [x]):
        product = builder.emit(relax.op.matmul(x, relax.const(np.ones((3, 4), np.float32))))
        results = [product, relax.const(np.zeros((2, 0), np.float32))]
        builder.emit_func_output(relax.Tuple(results))
    assert [one.shape for one in HostNetwork(builder.get())(X[:2, :3])] == [(2, 4), (2, 0)]
