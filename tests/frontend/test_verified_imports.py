"""Each frontend compares its import with its source: planted wrong converters are found."""

import sys

import numpy as np
import pytest
import tvm.relax.frontend.onnx.onnx_frontend as importer
from onnx import TensorProto, helper, numpy_helper
from recurrent_nodes import recurrent
from tvm import relax
from tvm_ffi import structural_equal

import eie_backend as eie
from eie_backend.errors import InputError, ModelError
from eie_backend.frontend import unregister_onnx_operator
from eie_backend.transform.attributes import attributes
from eie_backend.verification import remembered

W = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
X = np.random.default_rng(1).normal(size=(2, 4)).astype(np.float32)


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """Remember nothing of other tests: their converters were others."""
    monkeypatch.setattr(remembered, "user_cache_path", lambda *_, **__: tmp_path / "cache")


def node(operator, inputs, output, name, **attributes):
    return helper.make_node(operator, inputs.split(" "), [output], name, **attributes)


def model(*nodes, inputs=None, opset=17, **constants):
    """Return a model of nodes that make `y`, after a dense layer that makes `h`."""
    ends = inputs or {"x": (TensorProto.FLOAT, (2, 4))}
    graph = helper.make_graph(
        [node("MatMul", "x w", "h", "fc"), *nodes],
        "graph",
        [helper.make_tensor_value_info(n, kind, shape) for n, (kind, shape) in ends.items()],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(v, k) for k, v in {"w": W, **constants}.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


CHAIN = model(
    node("Softplus", "h", "s", "soft"),
    node("Tanh", "s", "t", "squash"),
    node("Neg", "t", "y", "turn"),
)


def verified(mod):
    return attributes(mod).verified


def test_a_recurrent_layer_is_compared():
    for operator in ("GRU", "LSTM"):
        proto, _ = recurrent(operator, directions=2)
        assert verified(eie.from_onnx(proto)) == "its results are those of ONNX Runtime"


def slightly(operator):
    """Return an operator that is wrong by a part in a hundred."""
    return lambda x: relax.op.multiply(operator(x), relax.const(np.float32(1.01)))


def plant(monkeypatch, converter, wrong):
    """Let a converter of TVM's importer make something wrong of its input."""
    convert = classmethod(lambda _cls, _opset: lambda _builder, inputs, *_: wrong(inputs[0]))
    monkeypatch.setattr(converter, "get_converter", convert)


def test_an_onnx_model():
    assert verified(eie.from_onnx(CHAIN)).startswith("its results are those of ONNX Runtime")


def test_without_onnx_runtime(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert verified(eie.from_onnx(CHAIN)) == "its results are those of onnx.reference"


@pytest.mark.parametrize("runtime", ["ONNX Runtime", "onnx.reference"])
def test_a_wrong_converter_of_onnx(monkeypatch, runtime):
    if runtime == "onnx.reference":
        monkeypatch.setitem(sys.modules, "onnxruntime", None)

    plant(monkeypatch, importer.Tanh, slightly(relax.op.tanh))
    with pytest.raises(ModelError, match=rf"^model: node 'squash' \(Tanh\) .*, by {runtime}: "):
        eie.from_onnx(CHAIN)
    assert verified(eie.from_onnx(CHAIN, verify=False)) == "its values were not compared: as asked"


def test_a_node_without_a_name_is_called_after_its_result(monkeypatch):
    plant(monkeypatch, importer.Neg, slightly(relax.op.negative))
    with pytest.raises(ModelError, match=r"^model: node 'y' \(Neg\) differs by up to "):
        eie.from_onnx(model(node("Neg", "h", "y", "")))


def test_a_wrong_shape_is_found_without_running_anything(monkeypatch):
    plant(monkeypatch, importer.Neg, lambda x: relax.op.expand_dims(x, 0))
    with pytest.raises(
        ModelError, match=r"'turn' \(Neg\): y has shape \(1, 2, 3\), by ONNX \(2, 3"
    ):
        eie.from_onnx(CHAIN, verify=False)


def test_a_wrong_pass_of_ours_is_found(monkeypatch):
    from eie_backend.frontend import onnx as frontend

    whole, another = [eie.from_onnx(model(node(op, "h", "y", "turn"))) for op in ("Neg", "Exp")]
    right = frontend.Normalize()

    def wrong(mod):
        return another if structural_equal(right(mod)["main"], whole["main"]) else right(mod)

    monkeypatch.setattr(frontend, "Normalize", lambda: wrong)
    with pytest.raises(ModelError, match="right alone, so this is a fault of eie"):
        eie.from_onnx(model(node("Neg", "h", "y", "turn"), unused=W))


# On which inputs


def embedding(rows):
    nodes = [
        node("Unsqueeze", "i zero", "u", "row"),
        node("Gather", "table u", "e", "embed"),
        node("ReduceSum", "e", "r", "sum", keepdims=0),
        node("Add", "h r", "y", "add"),
    ]
    ends = {"x": (TensorProto.FLOAT, (2, 4)), "i": (TensorProto.INT64, (3,))}
    table = np.random.default_rng(2).normal(size=(rows, 2)).astype(np.float32)
    return model(*nodes, inputs=ends, table=table, zero=np.array([0]))


@pytest.mark.parametrize("rows", [1, 2, 50])
def test_integers_stay_inside_their_tables(rows):
    assert verified(eie.from_onnx(embedding(rows))).startswith("its results are those of ONNX")


def test_on_samples():
    """Where all samples are positive, Relu of another slope below 0 is right."""
    proto = model(node("Relu", "h", "y", "cut"))
    samples = np.abs(X) @ np.diag(np.zeros(4, np.float32))
    for given in (samples, {"x": samples}, {"x": samples, "labels": np.zeros(2)}):
        assert verified(eie.from_onnx(proto, samples=given)).startswith("its results are")
    with pytest.raises(InputError, match=r"input x: shape \(2, 5\), expected \(2, 4\)"):
        eie.from_onnx(proto, samples=np.zeros((2, 5), np.float32))


def test_random_operators_are_named():
    proto = model(
        node("RandomNormalLike", "h", "r", "noise"), node("Add", "h r", "y", "add"), opset=17
    )
    try:
        found = verified(eie.from_onnx(proto))
    except ModelError as error:
        assert "RandomNormalLike" in str(error)  # refused, by its name
    else:
        assert found == "its values were not compared: 'noise' (RandomNormalLike) is random"


def test_large_weights_and_dimensions_that_are_bound():
    wide = np.random.default_rng(3).normal(size=(512, 600)).astype(np.float32)
    proto = model(node("Gemm", "v wide", "y", "big", transB=1), inputs={
        "x": (TensorProto.FLOAT, (2, 4)), "v": (TensorProto.FLOAT, ("n", 600)),
    }, wide=wide)  # fmt: skip
    mod = eie.from_onnx(proto.SerializeToString(), {"n": 3})
    assert verified(mod).startswith("its results are those of ONNX")


def test_half_precision():
    half = {"x": (TensorProto.FLOAT16, (2, 4))}
    proto = model(node("Relu", "h", "y", "cut"), inputs=half, w=W.astype(np.float16))
    proto.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT16
    with pytest.warns(eie.ModelWarning):
        assert verified(eie.from_onnx(proto)).startswith("its results are those of ONNX Runtime")


# PyTorch and JAX


@pytest.mark.torch
def test_a_wrong_converter_of_pytorch(monkeypatch):
    torch = pytest.importorskip("torch", reason="needs the extra `torch`")
    from tvm.relax.frontend.torch.exported_program_translator import ExportedProgramImporter

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = torch.nn.Linear(4, 3)

        def forward(self, x):
            return torch.tanh(torch.sigmoid(self.fc(x)))

    net, x = Net(), torch.from_numpy(X)
    assert verified(eie.from_pytorch(net, x)) == "its results are those of PyTorch"
    right = ExportedProgramImporter.create_convert_map

    def planted(self):
        found = right(self)
        found["tanh.default"] = lambda one: self.block_builder.emit(
            slightly(relax.op.tanh)(self.env[one.args[0]])
        )
        return found

    monkeypatch.setattr(ExportedProgramImporter, "create_convert_map", planted)
    with pytest.raises(ModelError, match=r"^model: node .tanh. \(aten.tanh.default\) differs"):
        eie.from_pytorch(Net(), x)
    assert net.training, "its mode was changed"


@pytest.mark.jax
def test_a_wrong_converter_of_jax(monkeypatch):
    jax = pytest.importorskip("jax", reason="needs the extra `jax`")
    from eie_backend.frontend import stablehlo_importer

    def net(x):
        return jax.nn.relu(jax.numpy.tanh(x @ W))

    assert verified(eie.from_jax(net, X)) == "its results are those of JAX"

    def wrong(operation):
        return operation.emit(slightly(relax.op.tanh)(*operation.inputs))

    planted = {**stablehlo_importer.CONVERTERS, "stablehlo.tanh": wrong}
    monkeypatch.setattr(stablehlo_importer, "CONVERTERS", planted)
    with pytest.raises(ModelError, match=r"^model: node 'tanh' \(tanh\) differs by up to"):
        eie.from_jax(lambda x: 2 * net(x), X)


@pytest.mark.torch
@pytest.mark.parametrize("shape", ["aliases", "a dictionary", "keywords"])
def test_inputs_of_any_form_are_compared(shape):
    """One tensor given twice is two inputs, which the comparison tells apart."""
    torch = pytest.importorskip("torch", reason="needs the extra `torch`")
    x = torch.from_numpy(X)

    class Net(torch.nn.Module):
        def forward(self, *given, **named):
            if shape == "aliases":
                return given[0] + 2 * given[1]
            return (named or given[0])["a"] + 2 * (named or given[0])["b"]

    if shape == "keywords":
        program = torch.export.export(Net(), (), {"a": x, "b": x.clone()})
        mod = eie.from_pytorch(program)
    else:
        mod = eie.from_pytorch(Net(), (x, x) if shape == "aliases" else ({"a": x, "b": x},))
    assert verified(mod) == "its results are those of PyTorch"
    assert len(mod["main"].params) == 2


@pytest.mark.torch
def test_what_a_module_cannot_do_anew_is_told():
    torch = pytest.importorskip("torch", reason="needs the extra `torch`")

    class Net(torch.nn.Module):
        def __init__(self, kind):
            super().__init__()
            self.kind = kind
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, x):
            if self.kind == "random":
                return x + torch.randn(2, 4)
            if self.kind == "idle":
                return torch.nn.functional.dropout(x, 0.5, training=False)
            self.calls.add_(1)
            return x + self.calls

    x = torch.from_numpy(X)
    with pytest.warns(
        eie.ModelWarning, match=r"^model: node 'randn' \(aten.randn.default\) is random"
    ):
        assert "is random" in verified(eie.from_pytorch(Net("random"), x))
    assert verified(eie.from_pytorch(Net("idle"), x)) == "its results are those of PyTorch"
    counting = Net("counting")
    with pytest.warns(eie.ModelWarning, match=r"^model: buffers calls change with each call"):
        eie.from_pytorch(counting, x)
    assert counting.calls == 0, "the user's module was changed"


@pytest.mark.jax
def test_jax_computes_what_jax_is_asked_for():
    """NumPy's weights and inputs in double precision, nested inputs, half precision."""
    jax = pytest.importorskip("jax", reason="needs the extra `jax`")
    functions = [
        (lambda x: x @ W, X.astype(np.float64)),
        (lambda pair: pair["a"] @ W + pair["b"], {"a": X, "b": np.ones(3, np.float32)}),
        (lambda x: (x @ W).astype(jax.numpy.float16), X),
        (lambda x: (x @ W).at[:, 0].get(), X),
        (lambda x: jax.numpy.take(W, x, axis=0), np.array([3, 0, -1], np.int32)),
        (lambda x: jax.lax.scan(lambda h, one: (h + one @ W, h), np.ones(3, np.float32), x), X),
    ]
    for function, example in functions:
        assert verified(eie.from_jax(function, example)) == "its results are those of JAX"


# What is computed in half precision, and what bodies hold


def test_a_half_in_the_middle():
    """Exporters keep inputs and results in single precision."""
    half = model(
        helper.make_node("Cast", ["h"], ["c"], "down", to=TensorProto.FLOAT16),
        node("Add", "c far", "a", "add"),
        node("LayerNormalization", "a one", "n", "norm"),
        helper.make_node("Cast", ["n"], ["y"], "up", to=TensorProto.FLOAT),
        far=np.full(3, 30, np.float16),
        one=np.ones(3, np.float16),
    )
    with pytest.warns(eie.ModelWarning, match="float32"):
        assert verified(eie.from_onnx(half)) == "its results are those of ONNX Runtime"
    brain = model(
        helper.make_node("Cast", ["h"], ["c"], "down", to=TensorProto.BFLOAT16),
        helper.make_node("Cast", ["c"], ["y"], "up", to=TensorProto.FLOAT),
    )
    with pytest.warns(eie.ModelWarning, match="float32"):
        assert verified(eie.from_onnx(brain)) == "its results are those of ONNX Runtime"


@pytest.mark.parametrize("place", ["function", "loop"])
def test_registered_converters_are_used_in_bodies(place):
    """A wrong one is found there, which shows both."""
    act = helper.make_node("Softsign", ["p"], ["q"], "act")
    if place == "function":
        body = helper.make_function("own", "Act", ["p"], ["q"], [act], CHAIN.opset_import)
        proto = model(helper.make_node("Act", ["h"], ["y"], "call", domain="own"))
        proto.functions.append(body)
        proto.opset_import.append(helper.make_opsetid("own", 1))
    else:
        kinds = {"n": TensorProto.INT64, "c": TensorProto.BOOL, "p": TensorProto.FLOAT}
        shapes = {"n": [], "c": [], "p": [2, 3]}
        ends = [helper.make_tensor_value_info(name, kinds[name], shapes[name]) for name in kinds]
        results = [
            helper.make_tensor_value_info("d", TensorProto.BOOL, []),
            helper.make_tensor_value_info("q", TensorProto.FLOAT, [2, 3]),
        ]
        same = helper.make_node("Identity", ["c"], ["d"])
        graph = helper.make_graph([act, same], "body", ends, results)
        loop = helper.make_node("Loop", ["m", "go", "h"], ["y"], "loop", body=graph)
        proto = model(loop, m=np.int64(2), go=np.array(True))
    eie.register_onnx_operator(
        "Softsign", lambda _builder, inputs, _attributes: slightly(relax.op.tanh)(inputs[0])
    )
    try:
        with pytest.raises(ModelError, match="converter is wrong"):
            eie.from_onnx(proto)
    finally:
        unregister_onnx_operator("Softsign")
