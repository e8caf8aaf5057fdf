"""The float network of a library is found again, or it is said why not."""

import numpy as np
import onnx
import onnxruntime
import pytest

import eie_backend as eie
from eie_backend.codegen.library import programs
from eie_backend.errors import ModelError
from eie_backend.fidelity.reference import FloatNetwork, reference


@pytest.fixture(scope="module")
def model(make_mlp):
    return make_mlp(6, 5, 3, batch="batch")


@pytest.fixture
def compiled(model, tmp_path, monkeypatch):
    """Return the programs of a library of ``models/mlp.onnx``, and its path."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    onnx.save(model, "models/mlp.onnx")
    return programs(eie.compile(eie.from_onnx("models/mlp.onnx", {"batch": 2}))), tmp_path / "x.so"


def test_it_computes_what_onnx_runtime_computes(compiled, model):
    x = np.random.default_rng(1).normal(size=(2, 6)).astype(np.float32)
    network = FloatNetwork(reference(compiled[0]))
    first = network([x])
    network([-x])
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (expected,) = session.run(None, {session.get_inputs()[0].name: x})
    np.testing.assert_allclose(first[0], expected, rtol=1e-5, atol=1e-6)


def test_a_relative_path_is_also_looked_for_beside_the_library(compiled, tmp_path, monkeypatch):
    found, library = compiled
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert reference(found, beside=library) is not None
    (tmp_path / "models" / "mlp.onnx").rename(tmp_path / "mlp.onnx")
    assert reference(found, beside=library) is not None


def test_a_missing_file_is_one_line(compiled, tmp_path):
    found, library = compiled
    (tmp_path / "models" / "mlp.onnx").rename(tmp_path / "moved.onnx")
    with pytest.raises(ModelError) as raised:
        reference(found, beside=library)
    assert str(raised.value) == (
        "models/mlp.onnx: the model that the library was compiled from is not there; give it by "
        "--reference"
    )
    assert reference(found, "moved.onnx") is not None
    for other in ("other.onnx", "x" * 300):
        with pytest.raises(ModelError, match=rf"^{other}: the model .* is not there"):
            reference(found, other)


@pytest.mark.parametrize("given", [None, "models/mlp.onnx"])
def test_another_model_is_refused(compiled, make_mlp, given):
    onnx.save(make_mlp(6, 5, 3, batch="batch", seed=1), "models/mlp.onnx")
    with pytest.raises(ModelError) as raised:
        reference(compiled[0], given)
    assert str(raised.value).startswith(
        "models/mlp.onnx: not the model that the library was compiled from: its SHA-256 is "
    )


def test_a_library_of_no_file_says_so(model):
    found = programs(eie.compile(eie.from_onnx(model, {"batch": 1})))
    with pytest.raises(ModelError, match=r"does not name the file .* give it by --reference"):
        reference(found)


def test_values_that_were_bound_are_bound_again(tmp_path, monkeypatch):
    from onnx import TensorProto, helper

    weights = helper.make_tensor("w", TensorProto.FLOAT, (3, 3), np.eye(3).ravel())
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("Mul", ["h", "scale"], ["y"]),
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", [1, 3]), ("scale", [1]), ("y", [1, 3]))
    ]
    graph = helper.make_graph(nodes, "scaled", ends[:2], ends[2:], [weights])
    monkeypatch.chdir(tmp_path)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), "m.onnx")
    mod = eie.from_onnx("m.onnx", bind_values={"scale": [3.0]})
    network = FloatNetwork(reference(programs(eie.compile(mod))))
    np.testing.assert_array_equal(network([np.ones((1, 3), np.float32)])[0], [[3.0, 3.0, 3.0]])
