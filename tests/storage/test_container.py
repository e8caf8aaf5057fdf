"""``.eiez``: what comes out is what went in, to the bit; anything else is an error that says so."""

import errno
import os
import resource
import struct
import tracemalloc
import zlib
from dataclasses import replace

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from eie_backend.errors import ContainerError, RecipeError
from eie_backend.recipe import Recipe
from eie_backend.storage import model_sections
from eie_backend.storage.accounting import total
from eie_backend.storage.container import load_eiez, load_tensors, read_eiez, save_eiez
from eie_backend.storage.sections import HEADER, MAGIC, START, Section, join, split


def shared(shape, density=0.2, values=15, seed=0, zero=0.0):
    rng = np.random.default_rng(seed)
    weights = rng.choice(rng.normal(size=values).astype(np.float32), shape)
    return np.where(rng.random(shape) < density, weights, np.float32(zero))


def model_of(*tensors):
    return helper.make_model(helper.make_graph([], "tensors", [], [], list(tensors)))


@pytest.fixture(scope="session")
def compressed(make_mlp):
    """Return a model of two layers, the first with few values, the second without."""
    model = make_mlp(60, 40, 10, batch=2)
    weights = numpy_helper.from_array(shared((40, 60)), "fc1.weight")
    model.graph.initializer[0].CopyFrom(weights)
    return model


def round_trip(path, model, **options):
    save_eiez(path, model, **options)
    found = load_eiez(path)
    assert found.SerializeToString(deterministic=True) == model.SerializeToString(
        deterministic=True
    )
    return read_eiez(path)


def test_round_trip(compressed, tmp_path):
    file = tmp_path / "model.eiez"
    recipe = Recipe(density=0.2, index_bits={"fc1": 4})
    found = round_trip(file, compressed, recipe=recipe, metadata={"accuracy": 0.98})
    assert found.recipe["index_bits"] == {"fc1": 4}
    assert found.metadata == {"accuracy": 0.98}
    assert found.producer.startswith("eie-backend ")
    assert found.file_bytes == file.stat().st_size
    assert list(found.layers) == ["fc1"]
    layer = found.layers["fc1"]
    assert layer.fixed_index_bits == 4 * layer.entries
    assert (layer.weights, layer.values) == (2400, 15)
    assert layer.stored_bytes < found.tensor_bytes < found.file_bytes


bits = st.integers(0, 2**32 - 1)
specials = st.sampled_from([0x80000000, 0x7FC00001, 0xFF800000, 1])
kinds = (np.float32, np.float64, np.float16, np.int64, np.int8, np.bool_)


@given(
    words=st.lists(st.one_of(st.sampled_from([0, 5, 7]), specials, bits), max_size=60),
    zeros=st.integers(0, 200),
    raw=st.booleans(),
)
@settings(max_examples=60)
def test_any_float32_comes_back(words, zeros, raw, tmp_path_factory):
    values = np.array(words + [0] * zeros + words, np.uint32).view(np.float32)[None]
    tensor = numpy_helper.from_array(values, "t")
    if not raw:
        tensor = helper.make_tensor("t", TensorProto.FLOAT, values.shape, values)
    round_trip(tmp_path_factory.mktemp("any") / "t.eiez", model_of(tensor))


@pytest.mark.parametrize("dtype", kinds)
@pytest.mark.parametrize("shape", [(), (0, 3), (7,), (2, 3, 4, 5)])
def test_any_type_and_rank_comes_back(dtype, shape, tmp_path):
    array = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
    round_trip(tmp_path / "t.eiez", model_of(numpy_helper.from_array(array, "t")))


def test_strings_and_typed_fields_stay_in_the_graph(tmp_path):
    tensors = [
        helper.make_tensor("s", TensorProto.STRING, [2], [b"a", b"b"]),
        helper.make_tensor("i", TensorProto.INT64, [3], [1, 2, 3]),
        helper.make_tensor("nan", TensorProto.FLOAT, [1], [float("nan")]),
    ]
    round_trip(tmp_path / "t.eiez", model_of(*tensors))


def test_negative_zeros_are_kept_apart(tmp_path):
    """They cost a bit each at most, and do not count as values."""
    layers = []
    for zero in (0.0, -0.0):
        weights = shared((50, 40), zero=zero)
        weights[:, 0] = 0
        model = model_of(numpy_helper.from_array(weights, "w"))
        layers.append(round_trip(tmp_path / "t.eiez", model).layers["w"])
    without, signs = layers
    assert without.sign_bytes == 0
    assert 0 < signs.sign_bytes <= 2000 / 8 + 20
    assert replace(signs, sign_bytes=0) == without


def test_biases_are_no_layers(tmp_path):
    """Even with few values: a bias does not count in the paper's way."""
    tensors = {"w": shared((20, 30)), "b": np.zeros(20, np.float32), "scale": np.float32(2)}
    save_eiez(tmp_path / "t.eiez", tensors)
    assert list(read_eiez(tmp_path / "t.eiez").layers) == ["w"]
    assert load_tensors(tmp_path / "t.eiez")["b"].tobytes() == tensors["b"].tobytes()


def test_a_layer_of_each_width(tmp_path):
    """The recipe's widths are used; a pattern, a node's name and a kind all name a layer."""
    nodes = [
        helper.make_node("Conv", ["x", "k"], ["c"], "first"),
        helper.make_node("MatMul", ["c", "a"], ["d"], "second"),
        helper.make_node("MatMul", ["d", "b"], ["y"], "third"),
    ]
    tensors = [
        numpy_helper.from_array(shared((20, 20), seed=n), name) for n, name in enumerate("kab")
    ]
    model = helper.make_model(helper.make_graph(nodes, "g", [], [], tensors))
    recipe = Recipe(index_bits={"@conv": 2, "sec*": 3, "b": 6})
    layers = round_trip(tmp_path / "t.eiez", model, recipe=recipe).layers
    widths = {n: layer.fixed_index_bits // layer.entries for n, layer in layers.items()}
    assert widths == {"first": 2, "second": 3, "third": 6}


def test_a_file_shows_the_names_of_layers(tmp_path):
    """As the model would be imported; a recipe may have any of a layer's names, and keeps one."""
    nodes = [
        helper.make_node("Conv", ["x", "body.0.weight"], ["c"], "node_conv2d"),
        helper.make_node("MatMul", ["c", "val_3"], ["y"], "node_linear"),
    ]
    names = ["body.0.weight", "val_3", "table.weight"]
    tensors = [numpy_helper.from_array(shared((9, 9), seed=n), t) for n, t in enumerate(names)]
    model = helper.make_model(helper.make_graph(nodes, "g", [], [], tensors))
    for keys in (
        ("body_0", "node_linear", "table"),
        ("body.0", "val_3", "table.weight"),
        ("node_conv*", "val_?", "tab*"),
    ):
        recipe = Recipe(index_bits=dict(zip(keys, (2, 3, 6), strict=True)))
        found = round_trip(tmp_path / "t.eiez", model, recipe=recipe)
        widths = {n: layer.fixed_index_bits // layer.entries for n, layer in found.layers.items()}
        assert widths == {"body_0": 2, "node_linear": 3, "table": 6}
        expected = [*widths] if keys[2] != "tab*" else ["body_0", "node_linear", "tab*"]
        assert list(found.recipe["index_bits"]) == sorted(expected)


def test_a_name_that_two_layers_have_is_refused(tmp_path):
    nodes = [
        helper.make_node("MatMul", ["x", "a.weight"], ["c"], "same"),
        helper.make_node("MatMul", ["c", "b.weight"], ["y"], "same"),
    ]
    tensors = [numpy_helper.from_array(shared((9, 9)), n) for n in ("a.weight", "b.weight")]
    model = helper.make_model(helper.make_graph(nodes, "g", [], [], tensors))
    message = "^recipe: 'same' stands for a, b: name one, or give a pattern$"
    with pytest.raises(RecipeError, match=message):
        save_eiez(tmp_path / "t.eiez", model, Recipe(index_bits={"same": 2}))


def test_all_bytes_of_the_file_are_accounted_for(tmp_path):
    """What the layers say they take, and the frame: nothing is left over."""
    tensors = [numpy_helper.from_array(shared((30, 30), seed=n), str(n)) for n in range(3)]
    file = tmp_path / "t.eiez"
    found = round_trip(file, model_of(*tensors))
    assert total(found.layers.values()).stored_bytes == found.tensor_bytes
    others = [s for s in split(file.read_bytes()) if s.kind != "TENS"]
    frame = START.size + 32 + sum(HEADER.size + len(s.payload) for s in others)
    assert found.file_bytes == found.tensor_bytes + frame


def test_plain_tensors(tmp_path):
    tensors = {"a.weight": shared((6, 70)), "steps": np.int64(7), "half": np.ones(3, np.float16)}
    save_eiez(tmp_path / "t.eiez", tensors)
    found = load_tensors(tmp_path / "t.eiez")
    assert list(found) == list(tensors)
    for name, array in tensors.items():
        np.testing.assert_array_equal(found[name], array, strict=name != "steps")


def test_the_same_model_gives_the_same_bytes(compressed, tmp_path):
    for name in "ab":
        save_eiez(tmp_path / name, compressed, Recipe(), {"b": 1, "a": 2})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


# Refused


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """Return the bytes of a small container of all encodings: coded, zlib, as it is."""
    path = tmp_path_factory.mktemp("whole") / "small.eiez"
    rng = np.random.default_rng(0)
    tensors = {
        "coded": shared((12, 9)),
        "zlib": np.repeat(np.arange(300, dtype=np.float32), 3),
        "raw": rng.normal(size=4).astype(np.float32),
    }
    save_eiez(path, tensors, Recipe(index_bits=4))
    encodings = {s.payload[5] for s in split(path.read_bytes()) if s.kind == "TENS"}
    assert encodings == {model_sections.CODED, model_sections.ZLIB, model_sections.RAW}
    return path.read_bytes()


def refused(path, data):
    path.write_bytes(data)
    with pytest.raises(ContainerError) as error:
        load_eiez(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    return message


def test_a_flipped_bit_anywhere(whole, tmp_path):
    """In every byte, one bit and all bits."""
    for place in range(len(whole)):
        for flip in (1 << place % 8, 255):
            altered = bytearray(whole)
            altered[place] ^= flip
            message = refused(tmp_path / "x.eiez", bytes(altered))
            assert "again" in message or "eie pack" in message


def test_truncated_anywhere(whole, tmp_path):
    for size in range(len(whole)):
        refused(tmp_path / "x.eiez", whole[:size])


def test_bytes_after_the_end(whole, tmp_path):
    assert "checksum over the whole file" in refused(tmp_path / "x.eiez", whole + b"\0")


def test_messages_say_where(whole, tmp_path):
    path = tmp_path / "x.eiez"
    second = split(whole)[1]
    altered = bytearray(whole)
    altered[second.at] ^= 1
    at = second.at - HEADER.size
    assert f"the checksum of section 2 of 5, byte {at} differs; copy the file" in refused(
        path, bytes(altered)
    )
    assert "does not start as one" in refused(path, b"\x08" + whole)
    version = whole[: len(MAGIC)] + b"\x09" + whole[len(MAGIC) + 1 :]
    assert "version 9 of the format; this release reads version 1" in refused(path, version)


def changed(whole, number, change):
    """Return the file with a section's payload changed, and right checksums."""
    sections = split(whole)
    sections[number] = replace(sections[number], payload=change(sections[number].payload))
    return join(sections)


CODED_AT = 6
"""Where a tensor's content begins in its payload."""


@pytest.mark.parametrize(
    ("number", "change", "message"),
    [
        (0, lambda p: b"[", "INFO is no such JSON"),
        (0, lambda p: b"[" * 100_000, "INFO is no such JSON"),
        (0, lambda p: b"{}", "INFO is no such JSON: KeyError"),
        (1, lambda p: b"", "encoding '' of 0 bytes is unknown"),
        (1, lambda p: b"\x02" + p[1:], "encoding '02'"),
        (1, lambda p: b"\x00" + b"\xff" * 9, "the graph's section holds no model"),
        (2, lambda p: p[:3], "is not a tensor"),
        (2, lambda p: b"\x09" + p[1:], "initializer 9, field 0; the model has 3"),
        (3, lambda p: b"\x00" + p[1:], "initializer 0, field 0; the model has 3"),
        (2, lambda p: p[:4] + b"\x02" + p[5:], "initializer 0, field 2"),
        (2, lambda p: p[:5] + b"\x03" + p[6:], "coded: encoding '03'"),
        (2, lambda p: p[:CODED_AT], "coded: truncated: 0 bytes"),
        (2, lambda p: p[:CODED_AT] + b"\x11" + p[7:], "17 index bits in order"),
        (2, lambda p: p[: CODED_AT + 2] + b"\xff" + p[9:], "truncated: 255 values"),
        (2, lambda p: p[: CODED_AT + 2] + b"\x01" + p[9:], "coded: "),
        (2, lambda p: p[: CODED_AT + 3] + b"\xff" * 4 + p[13:], "4294967295 symbols in"),
        (2, lambda p: p[: CODED_AT + 2] + b"\x0a" + p[9:13] + p[17:], "code 11 and run "),
        (2, lambda p: p[:CODED_AT] + b"\x01" + p[7:], "at most 11 and 1 are possible"),
        (2, lambda p: p + b"x", "coded: zlib data of 0 bytes or more; 12 are declared"),
        (3, lambda p: p[:6] + b"\xff" * 8 + p[14:], "18446744073709551615 bytes are declared"),
        (3, lambda p: p[:6] + struct.pack("<Q", 7) + p[14:], "zlib: zlib data of 8 bytes or more"),
        (3, lambda p: p[:-1], "zlib: "),
    ],
)
def test_right_checksums_do_not_make_it_right(number, change, message, whole, tmp_path):
    assert message in refused(tmp_path / "x.eiez", changed(whole, number, change))


def test_a_tensor_of_any_declared_size_is_not_allocated(tmp_path):
    """A shape in the graph says nothing about the bytes in the file, until it is checked."""
    save_eiez(path := tmp_path / "x.eiez", {"w": shared((12, 9))})
    sections = split(path.read_bytes())
    graph = onnx.ModelProto.FromString(sections[1].payload[1:])
    for dims, message in (([1 << 20, 1 << 20], "4398046511104 bytes"), ([-1, 4], "shape (-1, 4)")):
        graph.graph.initializer[0].dims[:] = dims
        sections[1] = Section("GRPH", b"\0" + graph.SerializeToString())
        assert message in refused(path, join(sections))


def test_sections_in_another_order_are_refused(whole, tmp_path):
    sections = split(whole)
    path = tmp_path / "x.eiez"
    assert "INFO is missing" in refused(path, join(sections[1:]))
    assert "INFO is missing" in refused(path, join([]))
    assert "GRPH is missing" in refused(path, join(sections[:1]))
    assert "GRPH is missing" in refused(path, join([sections[0], *sections[2:]]))
    assert "'INFO' is not a tensor" in refused(path, join([*sections, sections[0]]))


@given(data=st.data())
@settings(max_examples=300)
def test_nothing_in_a_coded_tensor_leads_astray(data, whole, tmp_path_factory):
    """Altered bytes below right checksums: an error of ours, or some tensor of the same shape."""

    def change(payload):
        altered = bytearray(payload)
        for _ in range(data.draw(st.integers(1, 3))):
            place = data.draw(st.integers(0, len(altered) - 1))
            altered[place] = data.draw(st.integers(0, 255))
        return bytes(altered)

    path = tmp_path_factory.getbasetemp() / "astray.eiez"
    path.write_bytes(changed(whole, 2, change))
    try:
        tensors = load_tensors(path)
    except ContainerError:
        return
    assert tensors["coded"].shape == (12, 9)


def test_too_large_a_model(monkeypatch, compressed, tmp_path):
    monkeypatch.setattr(model_sections, "MAX_MODEL_BYTES", 1000)
    with pytest.raises(ContainerError, match=r"has \d+ bytes; at most 1000 can be stored"):
        save_eiez(tmp_path / "x.eiez", compressed)


def test_metadata_that_json_cannot_express(compressed, tmp_path):
    with pytest.raises(ContainerError, match=r"x\.eiez: metadata: .* is not JSON serializable"):
        save_eiez(tmp_path / "x.eiez", compressed, metadata={"data": object()})


def test_values_in_other_files(compressed, tmp_path):
    """`onnx.load` resolves them, and then they are inside; without it they are refused."""
    model = tmp_path / "model.onnx"
    inside = onnx.ModelProto.FromString(compressed.SerializeToString())
    onnx.save(inside, model, save_as_external_data=True, size_threshold=0, location="data")
    path = tmp_path / "x.eiez"
    with pytest.raises(ContainerError, match=r"fc1\.weight.* in other files; read the model with"):
        save_eiez(path, onnx.load(model, load_external_data=False))
    round_trip(path, onnx.load(model))
    for found, tensor in zip(
        load_eiez(path).graph.initializer, compressed.graph.initializer, strict=True
    ):
        assert found.raw_data == tensor.raw_data


def test_missing_file(tmp_path):
    with pytest.raises(ContainerError, match="no such file; give one that `eie pack` wrote"):
        load_eiez(tmp_path / "x.eiez")
    with pytest.raises(ContainerError, match="cannot be read: Is a directory"):
        load_eiez(tmp_path)


# Whole or absent


def test_full_disk(compressed, tmp_path):
    """The system refuses all after 100 bytes: the old file stays, nothing else is left."""
    path = tmp_path / "x.eiez"
    path.write_bytes(b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(ContainerError, match=r"x\.eiez: cannot be written: File too large"):
            save_eiez(path, compressed)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_full_disk_found_late(compressed, tmp_path, monkeypatch):
    """Some file systems say so only when the bytes have to be on the disk."""

    def fsync(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(ContainerError, match="cannot be written: No space left on device"):
        save_eiez(tmp_path / "x.eiez", compressed)
    assert list(tmp_path.iterdir()) == []


def test_folder_missing(compressed, tmp_path):
    with pytest.raises(ContainerError, match="its folder does not exist; give a folder"):
        save_eiez(tmp_path / "missing" / "x.eiez", compressed)


def test_zlib_bombs_are_cut_off(whole, tmp_path):
    """Data that inflate to more than they declare are refused before they are inflated."""
    bomb = zlib.compress(bytes(1 << 26), 9)
    data = changed(whole, 3, lambda p: p[:6] + struct.pack("<Q", 3600) + bomb)
    assert "zlib data of 3601 bytes or more; 3600 are declared" in refused(tmp_path / "x", data)


def test_values_in_other_files_are_refused(compressed, tmp_path):
    """A container would otherwise read files of the working folder."""
    path = tmp_path / "t.eiez"
    save_eiez(path, compressed)
    sections = split(path.read_bytes())
    model = onnx.ModelProto.FromString(model_sections._plain(sections[1].payload, 1 << 30))
    model.graph.initializer[0].data_location = TensorProto.EXTERNAL
    model.graph.initializer[0].external_data.add(key="location", value="x")
    graph = bytes([model_sections.RAW]) + model.SerializeToString()
    path.write_bytes(join([sections[0], Section("GRPH", graph), *sections[2:]]))
    with pytest.raises(ContainerError, match=r"fc1.weight: the values are said to be in other"):
        read_eiez(path)


@pytest.mark.parametrize("data_type", [TensorProto.FLOAT, 100])
def test_a_tensor_that_is_no_array(tmp_path, data_type):
    tensor = TensorProto(name="t", data_type=data_type, dims=[3], raw_data=b"1234")
    save_eiez(tmp_path / "t.eiez", model_of(tensor))
    fault = rf"t is no array of type {data_type}: .*; pack the model again"
    with pytest.raises(ContainerError, match=fault):
        load_tensors(tmp_path / "t.eiez")


def test_half_a_number(tmp_path):
    tensor = TensorProto(name="t", data_type=TensorProto.FLOAT, dims=[1], float_data=[1])
    path = tmp_path / "t.eiez"
    save_eiez(path, model_of(tensor))
    sections = split(path.read_bytes())
    half = replace(sections[2], payload=sections[2].payload[:-2])
    path.write_bytes(join([*sections[:2], half]))
    with pytest.raises(ContainerError, match=r"byte \d+: t: 2 bytes of values are no float32"):
        read_eiez(path)


@pytest.mark.parametrize("density", [0.0, 0.1, 0.5, 1.0])
def test_readers_take_at_most_eight_times_the_model(tmp_path, density):
    """docs/security.md promises it; of a file of zeros, nothing else bounds the memory."""
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(512, 512)) * (rng.random((512, 512)) < density)
    save_eiez(tmp_path / "t.eiez", {"weights": weights.astype(np.float32)})
    tracemalloc.start()
    try:
        read_eiez(tmp_path / "t.eiez")
        assert tracemalloc.get_traced_memory()[1] <= 8 * 4 * weights.size
    finally:
        tracemalloc.stop()
