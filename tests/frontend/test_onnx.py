"""ONNX models arrive with their values, their layers' names, and one-line errors."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
import tvm
from on_llvm import on_llvm
from onnx import TensorProto, helper, numpy_helper

import eie_backend
from eie_backend.errors import ModelError
from eie_backend.transform.constraints import layer_reasons
from eie_backend.transform.dense_form import DenseForm
from eie_backend.transform.layers import dense_layers, layer_bindings

RNG = np.random.default_rng(0)
W = RNG.normal(size=(4, 3)).astype(np.float32)
SQUARE = RNG.normal(size=(3, 3)).astype(np.float32)
B = RNG.normal(size=3).astype(np.float32)


def model(nodes, constants, inputs=(2, 4), outputs=(2, 3), dtype=TensorProto.FLOAT):
    """Return a model from `x` to `y`."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", dtype, inputs)],
        [helper.make_tensor_value_info("y", dtype, outputs)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def node(operator, inputs, output, name="", **attributes):
    return helper.make_node(operator, inputs.split(), [output], name=name, **attributes)


def check(proto, bind=None):
    """Compare TVM's LLVM build with ONNX Runtime; return the names of the layers."""
    mod = eie_backend.from_onnx(proto, bind)
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    shape = [int(extent) for extent in mod["main"].params[0].ty.shape.values]
    x = RNG.normal(size=shape).astype(np.float32)
    (ours,) = on_llvm(mod, x)
    (reference,) = session.run(None, {"x": x})
    np.testing.assert_allclose(ours, reference, rtol=1e-5, atol=1e-5)
    return names(mod)


def names(mod):
    return [layer.name for layer in dense_layers(mod)]


def failure(source, bind=None):
    with pytest.raises(ModelError) as caught:
        eie_backend.from_onnx(source, bind)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Values and names


@pytest.mark.parametrize("sizes", [(1, 1), (5, 3), (20, 30, 10, 2)])
@pytest.mark.parametrize("relu", [False, True])
def test_a_chain_equals_onnx_runtime(make_mlp, sizes, relu):
    assert check(make_mlp(*sizes, relu=relu)) == [f"fc{n}" for n in range(1, len(sizes))]


@pytest.mark.parametrize("trans_b", [0, 1])
@pytest.mark.parametrize(
    "scales", [{}, {"alpha": 0.5}, {"beta": 2.0}, {"alpha": -2.0, "beta": 3.0}]
)
def test_gemm(trans_b, scales):
    weights = np.ascontiguousarray(W.T) if trans_b else W
    gemm = node("Gemm", "x w b", "y", "dense", transB=trans_b, **scales)
    assert check(model([gemm], {"w": weights, "b": B})) == ["dense"]


def test_gemm_without_a_bias():
    assert check(model([node("Gemm", "x w", "y", "dense")], {"w": W})) == ["dense"]


@pytest.mark.parametrize("operands", ["h b", "b h"])
def test_matmul_and_add(operands):
    nodes = [node("MatMul", "x w", "h", "dense"), node("Add", operands, "y", "bias")]
    assert check(model(nodes, {"w": W, "b": B})) == ["dense"]


def test_a_batch_of_matrices():
    nodes = [node("MatMul", "x w", "y", "dense")]
    assert check(model(nodes, {"w": W}, (2, 5, 4), (2, 5, 3))) == ["dense"]


def test_a_flattened_image():
    nodes = [node("Flatten", "x", "f"), node("Gemm", "f w b", "y", "dense")]
    assert check(model(nodes, {"w": W, "b": B}, (2, 1, 2, 2))) == ["dense"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dense", "dense"),
        ("/block/fc1/Gemm", "block_fc1_Gemm"),
        ("/0/Gemm", "layer_0_Gemm"),
        ("class", "layer_class"),
        ("größe", "gr_e"),
        ("", "y"),
    ],
)
def test_a_name_becomes_an_identifier(name, expected):
    mod = eie_backend.from_onnx(model([node("Gemm", "x w b", "y", name)], {"w": W, "b": B}))
    assert names(mod) == [expected]
    parsed = tvm.script.from_source(mod.script(show_meta=True))
    tvm.ir.assert_structural_equal(parsed, mod)


def test_names_that_become_equal_are_numbered():
    nodes = [node("MatMul", "x w", "h", "block/fc"), node("MatMul", "h s", "y", "block_fc")]
    assert check(model(nodes, {"w": W, "s": SQUARE})) == ["block_fc", "block_fc_1"]


def test_convolutions_keep_their_names():
    kernel = RNG.normal(size=(3, 3, 2, 2)).astype(np.float32)
    nodes = [
        node("Conv", "x k", "h", "block/conv"),
        node("ConvTranspose", "h k", "g", "upsample"),
        node("Conv", "g j", "y", "point"),
    ]
    constants = {"k": kernel, "j": kernel[:, :, :1, :1]}
    mod = eie_backend.from_onnx(model(nodes, constants, (2, 3, 4, 4), (2, 3, 4, 4)))
    found = [binding.var.name for binding, _ in layer_bindings(mod)]
    assert found == ["block_conv", "upsample", "point"]
    assert names(DenseForm()(mod)) == found
    reasons = dict(layer_reasons(DenseForm()(mod), eie_backend.HardwareConfig(codebook_bits=7)))
    assert reasons == dict.fromkeys(found)


def test_convolutions_with_computed_weights_are_named_by_their_order():
    nodes = [
        node("Mul", "x x", "w"),
        node("Conv", "x w", "y", "correlate"),
    ]
    mod = eie_backend.from_onnx(model(nodes, {}, (2, 2, 3, 3), (2, 2, 1, 1)))
    assert [binding.var.name for binding, _ in layer_bindings(mod)] == ["correlate"]


@pytest.mark.parametrize("second", ["s", "t"])
def test_equal_weights_are_one_layer_named_after_its_first_use(second):
    nodes = [node("MatMul", "x s", "h", "first"), node("MatMul", f"h {second}", "y", "second")]
    assert check(model(nodes, {"s": SQUARE, "t": SQUARE}, (2, 3))) == ["first"]


def test_a_model_comes_from_a_path_bytes_or_a_proto(tmp_path, make_mlp):
    proto = make_mlp(4, 3)
    path = tmp_path / "mlp.onnx"
    onnx.save(proto, path)
    first = eie_backend.from_onnx(proto)
    for source in (path, str(path), path.read_bytes()):
        found = eie_backend.from_onnx(source)
        tvm.ir.assert_structural_equal(found.without_attr("eie.source"), first)
        path_of = json.loads(str(found.attrs.get("eie.source", "{}"))).get("path")
        assert path_of == (None if isinstance(source, bytes) else str(path))


@pytest.mark.parametrize("start", [b"\x7fELF\x02\x01", b"EIEIMAGE\x03"])
def test_what_was_compiled_is_told_from_a_model(tmp_path, start):
    (tmp_path / "mlp.so").write_bytes(start + bytes(64))
    with pytest.raises(ModelError) as raised:
        eie_backend.from_onnx(tmp_path / "mlp.so")
    assert str(raised.value).removeprefix(f"{tmp_path / 'mlp.so'}: ") == (
        "compiled already; give the ONNX or .eiez file that it was compiled from"
    )


def test_the_model_is_not_changed(make_mlp):
    proto = make_mlp(4, 3, batch="N")
    before = proto.SerializeToString()
    eie_backend.from_onnx(proto, {"N": 2})
    assert proto.SerializeToString() == before


def test_the_hash_tells_models_apart(make_mlp):
    hashes = {
        str(eie_backend.from_onnx(make_mlp(4, 3, seed=seed)).attrs["eie.model_sha256"])
        for seed in (0, 0, 1)
    }
    assert len(hashes) == 2


# Dynamic dimensions


def test_a_named_dimension_is_bound(make_mlp):
    assert check(make_mlp(4, 3, batch="N"), {"N": 5}) == ["fc1"]


def test_a_dimension_without_a_name_is_bound_by_its_place(make_mlp):
    proto = make_mlp(4, 3)
    for value in (proto.graph.input[0], proto.graph.output[0]):
        value.type.tensor_type.shape.dim[0].ClearField("dim_value")
    mod = eie_backend.from_onnx(proto, {"x.0": 5})
    assert [int(d) for d in mod["main"].params[0].ty.shape.values] == [5, 4]
    assert failure(proto) == (
        "model: the machine needs static shapes, but these dimensions are dynamic: "
        "'x.0' (x, axis 0); bind them, for example --bind x.0=1 (Python: bind={'x.0': 1}; "
        "for a sweep: bind: {x.0: 1})"
    )


def test_dynamic_dimensions_are_named_and_binding_is_offered(make_mlp):
    proto = make_mlp(4, 3, batch="N")
    proto.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "K"
    assert failure(proto) == (
        "model: the machine needs static shapes, but these dimensions are dynamic: "
        "'N' (x, axis 0); 'K' (x, axis 1); bind them, for example --bind N=1 --bind K=1 "
        "(Python: bind={'N': 1, 'K': 1}; for a sweep: bind: {N: 1, K: 1}); a place is a "
        "name, too: x.0=1"
    )


@pytest.mark.parametrize(("batch", "known"), [("N", "N"), (4, "none")])
def test_an_unknown_dimension_is_refused(make_mlp, batch, known):
    assert failure(make_mlp(4, 3, batch=batch), {"M": 1}) == (
        f"model: bind M: no such dynamic dimension; the model has {known}"
    )


@pytest.mark.parametrize("size", [0, -1, 2**31, 10**30, 1.5, True, "4"])
def test_an_impossible_size_is_refused(make_mlp, size):
    assert failure(make_mlp(4, 3, batch="N"), {"N": size}) == (
        f"model: bind N={size}: a dimension is an integer in 1..2147483647"
    )


def test_an_input_without_a_shape_is_refused(make_mlp):
    proto = make_mlp(4, 3)
    proto.graph.input[0].type.tensor_type.ClearField("shape")
    assert failure(proto) == "model: no shape for inputs x; export it with them"


# Faults


def test_a_missing_file(tmp_path):
    path = tmp_path / "nowhere.onnx"
    assert failure(path) == f"{path}: no such file; give the path of an ONNX model"


def test_a_folder(tmp_path):
    expected = f"{tmp_path}: cannot be read: Is a directory; give a file that can be read"
    assert failure(tmp_path) == expected


def test_a_text_file(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_text("a text, not a model\n", "utf-8")
    assert failure(path) == f"{path}: not an ONNX model, or a truncated one; export it again"


def test_an_empty_file(tmp_path):
    path = tmp_path / "model.onnx"
    path.touch()
    assert failure(path) == f"{path}: not an ONNX model: it has no graph; export it again"


def test_a_truncated_file(tmp_path, make_mlp):
    data = make_mlp(4, 3).SerializeToString()
    path = tmp_path / "model.onnx"
    path.write_bytes(data[: len(data) // 2])
    assert failure(path) == f"{path}: not an ONNX model, or a truncated one; export it again"


def test_every_truncation_gives_a_model_or_an_error(make_mlp):
    data = make_mlp(2, 1).SerializeToString()
    errors = 0
    for size in range(len(data)):
        try:
            eie_backend.from_onnx(data[:size])
        except ModelError:
            errors += 1
    assert errors >= len(data) - 1  # without its last field, the opset, a model is whole


def test_bytes_that_are_no_model():
    assert failure(b"abc") == "model: not an ONNX model, or a truncated one; export it again"


def test_missing_external_data(tmp_path, make_mlp):
    path = tmp_path / "model.onnx"
    onnx.save(
        make_mlp(4, 3), path, save_as_external_data=True, location="weights.bin", size_threshold=0
    )
    (tmp_path / "weights.bin").unlink()
    message = failure(path)
    assert message.startswith(f"{path}: its external data cannot be read: ")
    assert message.endswith("; keep the data files beside the model")
    assert "weights.bin" in message


def test_an_operator_that_the_importer_does_not_know(capfd):
    nodes = [node("Frobnicate", "x", "h"), node("MatMul", "h w", "y", "dense")]
    message = failure(model(nodes, {"w": W}))
    assert message == (
        "model: TVM's ONNX importer does not have Frobnicate (node 'h'); export the model with "
        "other operators, or register a converter for each: eie_backend.register_onnx_operator"
    )
    assert capfd.readouterr().err == ""


def test_shapes_that_do_not_match():
    message = failure(model([node("MatMul", "x w", "y")], {"w": W}, (2, 5)))
    assert message.startswith("model: node 'y' (MatMul): Incompatible dimensions for matrix")


def test_inputs_that_operators_need():
    """TVM builds a reshape of nothing by reading where nothing is; all are named at once."""
    inner = helper.make_graph([node("Relu", "", "i")], "inner", [], [])
    nodes = [
        helper.make_node("Reshape", ["", "t"], ["r"], "reshape"),
        helper.make_node("Gemm", ["x", "w", ""], ["g"], "bias may be missing"),
        helper.make_node("MatMul", ["x"], ["m"]),
        helper.make_node("Concat", ["x", ""], ["c"], "join", axis=0),
        helper.make_node("NoSuch", [""], ["n"], "not judged"),
        helper.make_node("If", ["x"], ["y"], "choose", then_branch=inner, else_branch=inner),
    ]
    assert failure(model(nodes, {"t": np.array([-1]), "w": W})) == (
        "model: node 'reshape' (Reshape) has no input data; node 'm' (MatMul) has no input B; "
        "node 'join' (Concat) has no input inputs; node 'i' (Relu) has no input X; "
        "node 'i' (Relu) has no input X; export it again"
    )


def test_an_operator_whose_name_is_no_text():
    data = model([node("Relu", "x", "y")], {}).SerializeToString().replace(b"Relu", b"R\xff\x96u")
    assert failure(data).startswith(
        "model: TVM's ONNX importer does not have R\ufffd\ufffdu (node 'y'); "
    )


def zeros(shape):
    """Return a model that adds zeros of a shape, which it computes, to its input."""
    nodes = [node("ConstantOfShape", "s", "z", "zeros"), node("Add", "x z", "y")]
    return model(nodes, {"s": np.array(shape)}, inputs=(2, 4), outputs=(2, 4))


def test_constants_larger_than_any_file():
    """A hundred bytes may ask for any number of zeros; folding would allocate them."""
    assert failure(zeros([1 << 18, 1 << 9, 2, 4])) == (
        "model: zeros is a constant of 4294967296 bytes, over 2147483648; export it again"
    )
    assert names(eie_backend.from_onnx(zeros([3, 2, 4]))) == []


def test_a_split_into_less_than_nothing():
    """TVM divides 3 rows after the fourth and allocates less than nothing."""
    nodes = [
        node("ConstantOfShape", "s", "z", "zeros"),
        helper.make_node("Split", ["z", "t"], ["a", "b"], "split"),
        node("MatMul", "x w", "m"),
        node("Concat", "m a", "y", axis=0),
    ]
    proto = model(nodes, {"s": np.array([2, 3]), "t": np.array([3, -1]), "w": W})
    assert "split" in failure(proto)
