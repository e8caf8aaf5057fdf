"""Large weights stay in their file; the model is the same as if they had been parsed."""

import os
import re
from io import BytesIO

import numpy as np
import onnx
import pytest
import tvm
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

import eie_backend as eie
from eie_backend.errors import ModelError
from eie_backend.frontend import onnx as onnx_frontend
from eie_backend.frontend import onnx_file
from eie_backend.frontend.onnx import load_onnx
from eie_backend.frontend.onnx_file import read_model
from eie_backend.transform.attributes import without_attributes

RNG = np.random.default_rng(0)
LARGE = RNG.normal(size=(513, 520)).astype(np.float32)  # a little more than 1 MiB
SQUARE = RNG.normal(size=(520, 520)).astype(np.float32)


def model(trans_b=1, twice=False):
    """Return a Gemm with large weights and a MatMul, with the same weights if `twice`."""
    first = LARGE if trans_b else np.ascontiguousarray(LARGE.T)
    outputs = 520 if twice else 513
    first = SQUARE if twice else first
    second = "w" if twice else "v"
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["h"], "gemm", transB=trans_b),
        helper.make_node("MatMul", ["h", second], ["y"], "product"),
    ]
    tensors = [
        numpy_helper.from_array(first, "w"),
        numpy_helper.from_array(np.arange(outputs, dtype=np.float32), "b"),
        numpy_helper.from_array(LARGE, "v"),
        numpy_helper.from_array(np.arange(300_000), "unused"),
    ]
    ends = [("x", 520), ("y", 520)]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, n]) for name, n in ends)
    graph = helper.make_graph(nodes, "g", [x], [y], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def saved(proto, folder, external):
    path = folder / "m.onnx"
    kwargs = {"save_as_external_data": True, "location": "m.data"} if external else {}
    onnx.save(onnx.ModelProto.FromString(proto.SerializeToString()), path, **kwargs)
    return path


@pytest.mark.parametrize("external", [False, True], ids=["inside", "beside"])
def test_large_matrices_are_left_out(tmp_path, external):
    proto, large = read_model(saved(model(), tmp_path, external))
    assert [(weights.name, weights.shape) for weights in large] == [
        ("w", LARGE.shape),
        ("v", LARGE.shape),
    ]
    for weights in large:
        np.testing.assert_array_equal(weights.load(), LARGE)
    kept = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    assert kept.keys() == {"b", "unused"}  # small, and not float32
    np.testing.assert_array_equal(kept["unused"], np.arange(300_000))
    assert proto.ByteSize() < 3_000_000


@pytest.mark.parametrize("external", [False, True], ids=["inside", "beside"])
@pytest.mark.parametrize("options", [{}, {"trans_b": 0}, {"twice": True}])
def test_the_module_is_the_same(tmp_path, monkeypatch, external, options):
    found = eie.from_onnx(saved(model(**options), tmp_path, external))
    monkeypatch.setattr(onnx_file, "LARGE_BYTES", 1 << 30)  # nothing is left out
    expected = eie.from_onnx(model(**options))
    plain = (without_attributes(mod, "model_sha256", "source") for mod in (found, expected))
    tvm.ir.assert_structural_equal(*plain)


def test_the_hash_does_not_tell_where_the_weights_are(tmp_path):
    hashes = []
    for name, external, change in (("a", False, 0), ("b", True, 0), ("c", True, 1)):
        (tmp_path / name).mkdir()
        proto = model()
        proto.graph.initializer[0].CopyFrom(numpy_helper.from_array(LARGE + change, "w"))
        mod = eie.from_onnx(saved(proto, tmp_path / name, external))
        hashes.append(str(mod.attrs["eie.model_sha256"]))
    hashes.append(str(eie.from_onnx(proto).attrs["eie.model_sha256"]))
    assert hashes[0] == hashes[1] != hashes[2] == hashes[3]


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("missing.data", "w: missing.data is not a file in the model's folder"),
        ("../m.data", "w: ../m.data is not a file in the model's folder"),
    ],
)
def test_external_data_elsewhere(tmp_path, location, reason):
    (tmp_path / "inner").mkdir()
    path = saved(model(), tmp_path / "inner", external=True)
    (tmp_path / "m.data").write_bytes(bytes(5_000_000))
    proto = onnx.load(path, load_external_data=False)
    proto.graph.initializer[0].external_data[0].value = location
    path.write_bytes(proto.SerializeToString())
    message = f"{path}: its external data cannot be read: {reason}; keep the data files beside"
    with pytest.raises(ModelError, match=f"^{re.escape(message)}"):
        eie.from_onnx(path)


def with_external(folder, **info):
    """Write a model whose bias, a small tensor, and a constant in a node are in other files."""
    proto = model()
    constant = numpy_helper.from_array(np.ones(513, np.float32), "c")
    node = helper.make_node("Constant", [], ["k"], "constant", value=constant)
    proto.graph.node.insert(0, node)
    tensors = [proto.graph.initializer[1], proto.graph.node[0].attribute[0].t]
    for tensor in tensors:
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
    for number, tensor in enumerate(tensors):
        if number == info.get("which", 0):
            chosen = {"location": "b.data", **info}
        else:
            chosen = {"location": "b.data"}
        for key, value in chosen.items():
            if key != "which":
                tensor.external_data.add(key=key, value=value)
    (folder / "b.data").write_bytes(bytes(4 * 513))
    path = folder / "m.onnx"
    path.write_bytes(proto.SerializeToString())
    return path


@pytest.mark.parametrize("read", [eie.from_onnx, load_onnx])
@pytest.mark.parametrize("which", [0, 1], ids=["initializer", "constant"])
@pytest.mark.parametrize(
    "location",
    [
        "../out.data",
        "{folder}/out.data",
        "inside/../../out.data",
        "link",
        "linked/out.data",
        "",
        ".",
        "inside",
        "pipe",
        "b.data\0x",
        "file:b.data",
        "no" * 200,
    ],
)
def test_external_data_only_below_the_folder(tmp_path, location, which, read):
    """Also of small tensors, and of constants in nodes; nothing waits for a pipe."""
    folder = tmp_path / "model"
    (folder / "inside").mkdir(parents=True)
    (tmp_path / "out.data").write_bytes(bytes(4 * 513))
    (folder / "link").symlink_to(tmp_path / "out.data")
    (folder / "linked").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    location = location.replace("{folder}", str(tmp_path))
    path = with_external(folder, location=location, which=which)
    with pytest.raises(ModelError, match="is not a file in the model's folder; keep the data"):
        read(path)


@pytest.mark.parametrize("offset", ["-4", "x", "", "9" * 30, "1e3"])
def test_external_data_at_no_place(tmp_path, offset):
    with pytest.raises(ModelError, match="no numbers of bytes; keep the data files"):
        eie.from_onnx(with_external(tmp_path, offset=offset))


@pytest.mark.parametrize("read", [eie.from_onnx, load_onnx])
@pytest.mark.parametrize(
    ("asked", "fault"),
    [
        (
            {"offset": "4", "length": "2052"},
            "2052 bytes are needed, 2052 asked for, .* 2048 from 4",
        ),
        (
            {"length": "4000"},
            "2052 bytes are needed, 4000 asked for, and b.data has 2052 from 0 on",
        ),
        ({"offset": "8"}, "2052 bytes are needed, 2044 asked for, and b.data has 2044 from 8 on"),
        ({"offset": str(2**63)}, "and b.data has 0 from 9223372036854775808 on"),
    ],
)
def test_external_data_that_are_not_all_there(tmp_path, read, asked, fault):
    with pytest.raises(ModelError, match=rf"data cannot be read: .*{fault}.*; keep the data"):
        read(with_external(tmp_path, **asked))


@pytest.mark.parametrize("kind", [0, 99, -1])
def test_external_data_of_no_type(tmp_path, kind):
    path = with_external(tmp_path)
    proto = onnx.load(path, load_external_data=False)
    proto.graph.initializer[1].data_type = kind
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(ModelError, match=f"of type {kind}, which ONNX does not have"):
        eie.from_onnx(path)


def test_external_data_below_the_folder(tmp_path):
    assert load_onnx(with_external(tmp_path)).graph.initializer[1].raw_data == bytes(4 * 513)


@pytest.mark.parametrize("which", ["bytes", "proto"])
def test_a_model_that_is_in_no_file_has_no_external_data(tmp_path, monkeypatch, which):
    """Otherwise a model could read files of the working folder."""
    path = with_external(tmp_path)
    monkeypatch.chdir(tmp_path)
    found = path.read_bytes() if which == "bytes" else onnx.load(path, load_external_data=False)
    with pytest.raises(ModelError, match="b: its values are in another file, but the model is in"):
        eie.from_onnx(found)


def test_external_data_that_ends_early(tmp_path):
    path = saved(model(), tmp_path, external=True)
    data = tmp_path / "m.data"
    data.write_bytes(data.read_bytes()[:1_000_000])
    with pytest.raises(ModelError, match=r"m.data does not hold 1067040 bytes at 0; keep"):
        eie.from_onnx(path)


@pytest.mark.parametrize("external", [False, True])
def test_file_that_is_cut_short_before_its_weights_are_read(external, tmp_path):
    """Were it mapped, the process would end by SIGBUS."""
    path = saved(model(), tmp_path, external)
    (weights, *_) = read_model(path)[1]
    os.truncate(tmp_path / "m.data" if external else path, 1000)
    with pytest.raises(OSError, match="it was cut short while it was read"):
        weights.load()


def test_file_that_is_cut_short_while_it_is_imported(tmp_path, monkeypatch):
    path = saved(model(), tmp_path, external=False)
    read = read_model

    def read_and_cut(source):
        found = read(source)
        os.truncate(path, 1000)
        return found

    monkeypatch.setattr(onnx_frontend, "read_model", read_and_cut)
    with pytest.raises(ModelError) as error:
        eie.from_onnx(path)
    assert str(error.value) == (
        f"{path}: cannot be read: it was cut short while it was read; give a file that can be read"
    )


@given(cut=st.integers(0, 400))
def test_any_truncation_is_an_error_or_a_model(cut):
    data = model().SerializeToString()
    short = data[: len(data) - cut * len(data) // 400]
    try:
        onnx_file._without_raw_data(onnx_file._Bytes(BytesIO(short)))
    except DecodeError:
        pass


@given(st.binary(max_size=60))
def test_any_bytes_are_copied_or_refused(data):
    try:
        rest, _ = onnx_file._without_raw_data(onnx_file._Bytes(BytesIO(data)))
    except DecodeError:
        return
    assert len(rest) <= len(data)


@given(st.integers(0, 2**63 - 1))
def test_numbers_come_back(value):
    data = onnx_file._varint(value)
    assert onnx_file._read_varint(onnx_file._Bytes(BytesIO(data)), 0, len(data)) == (
        value,
        len(data),
    )
