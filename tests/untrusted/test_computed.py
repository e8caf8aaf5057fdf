"""Indices and divisors that are inputs: NumPy's values or an `InputError`, never others' memory."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import eie_backend as eie
from eie_backend.codegen.library import export_library
from eie_backend.errors import InputError

ROWS, COLUMNS, DRAWS = 5, 4, 16
TABLE = np.arange(ROWS * COLUMNS, dtype=np.float32).reshape(ROWS, COLUMNS) + 1
IMAGE = np.arange(32, dtype=np.float32).reshape(2, 1, 4, 4)
INT = TensorProto.INT64


def model(node, shape, kind, columns=COLUMNS, **constants):
    """Return `node`, which makes `g` of the input `i`, before a dense layer that repeats it."""
    tail = [
        helper.make_node("Cast", ["g"], ["f"], "cast", to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["f", "flat"], ["r"], "flat"),
        helper.make_node("MatMul", ["r", "w"], ["y"], "fc"),
    ]
    values = {"w": np.eye(columns), "flat": np.array([-1, columns]), "t": TABLE, **constants}
    tensors = [
        numpy_helper.from_array(v.astype(np.float32) if n == "w" else v, n)
        for n, v in values.items()
    ]
    ends = [helper.make_tensor_value_info("i", kind, shape)]
    result = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    graph = helper.make_graph([node, *tail], "graph", ends, result, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def node(operator, inputs, **attributes):
    return helper.make_node(operator, inputs.split(" "), ["g"], "it", **attributes)


def scattered(axis):
    def reference(index):
        found = TABLE.copy()
        np.put_along_axis(found, index, np.float32(0), axis)
        return found

    return reference


def scattered_nd(index):
    found = TABLE.copy()
    found[tuple(index.T)] = 0
    return found


def truncated(divisor):
    return np.trunc(12 / divisor)


FIRST = np.arange(COLUMNS)[None]
CASES = {
    "Gather": (model(node("Gather", "t i"), (3,), INT), (3,), ROWS, lambda i: TABLE[i]),
    "Gather 1": (
        model(node("Gather", "t i", axis=1), (COLUMNS,), INT),
        (COLUMNS,),
        COLUMNS,
        lambda i: TABLE[:, i],
    ),
    "GatherElements": (
        model(node("GatherElements", "t i", axis=0), (2, COLUMNS), INT),
        (2, COLUMNS),
        ROWS,
        lambda i: np.take_along_axis(TABLE, i, 0),
    ),
    "GatherND": (
        model(node("GatherND", "t i"), (COLUMNS, 2), INT),
        (COLUMNS, 2),
        np.array([ROWS, COLUMNS]),
        lambda i: TABLE[tuple(i.T)],
    ),
    "ScatterElements": (
        model(
            node("ScatterElements", "t i u", axis=0),
            (1, COLUMNS),
            INT,
            u=np.zeros((1, COLUMNS), np.float32),
        ),
        (1, COLUMNS),
        ROWS,
        scattered(0),
    ),
    "ScatterND": (
        model(node("ScatterND", "t i u"), (2, 2), INT, u=np.zeros(2, np.float32)),
        (2, 2),
        np.array([ROWS, COLUMNS]),
        scattered_nd,
    ),
    "OneHot": (
        model(node("OneHot", "i d v"), (3,), INT, d=np.array(COLUMNS), v=np.float32([0, 1])),
        (3,),
        None,
        lambda i: (np.where(i < 0, i + COLUMNS, i)[:, None] == FIRST).astype(np.float32),
    ),
}
EXTREMES = (2**31 - 1, 2**31, 2**63 - 1, -(2**63), -(2**31), 99_999_999)


def library(proto, folder):
    path = folder / "it.so"
    compiled = eie.compile(eie.from_onnx(proto), eie.HardwareConfig(num_pe=2), arithmetic="float32")
    export_library(compiled, path)
    return path


def draws(rng, shape, extent, count):
    """Yield indices, most of them inside, some a step or a world outside."""
    for _ in range(count):
        index = rng.integers(-extent, extent, shape)
        if rng.random() < 0.5:
            most = int(np.max(extent))
            outside = [most, -most - 1, *EXTREMES]
            index.reshape(-1)[rng.integers(index.size)] = rng.choice(outside)
        yield index


@pytest.mark.parametrize("operator", CASES)
@pytest.mark.parametrize("count", [DRAWS, pytest.param(1500, marks=pytest.mark.nightly)])
def test_drawn_indices(operator, count, tmp_path):
    proto, shape, bound, reference = CASES[operator]
    path, rng, refused = library(proto, tmp_path), np.random.default_rng(1), 0
    for index in draws(rng, shape, COLUMNS if bound is None else bound, count):
        inside = bound is None or ((index >= -bound) & (index < bound)).all()
        if not inside:
            refused += 1
            with pytest.raises(InputError, match=rf"\({operator_of(operator)}\): index .* outside"):
                eie.run(path, index)
        else:
            expected = reference(index)
            np.testing.assert_array_equal(eie.run(path, index)[0].reshape(expected.shape), expected)
    assert bound is None or count / 4 < refused < count * 3 / 4


def operator_of(case):
    names = {"Gather": "take", "GatherElements": "gather_elements", "GatherND": "gather_nd"}
    names |= {"ScatterElements": "scatter_elements", "ScatterND": "scatter_nd"}
    return names.get(case.split(" ")[0], "")


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("operator", ["Div", "Mod"])
def test_drawn_divisors(operator, dtype, tmp_path):
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    lowest = np.iinfo(dtype).min
    above = np.array([12, -7, 5, lowest], dtype)
    path = library(model(node(operator, "p i"), (COLUMNS,), kind, p=above), tmp_path)
    rng, fits = np.random.default_rng(2), 0
    for _ in range(DRAWS):
        divisor = rng.integers(-3, 4, COLUMNS).astype(dtype)
        if (divisor == 0).any() or divisor[-1] == -1:
            with pytest.raises(InputError, match=r"it \(.*\): .*divi"):
                eie.run(path, divisor)
            continue
        fits += 1
        pairs = [(int(a), int(b)) for a, b in zip(above, divisor, strict=True)]
        toward_zero = [abs(a) // abs(b) * (1 if a * b > 0 else -1) for a, b in pairs]
        expected = toward_zero if operator == "Div" else [a % b for a, b in pairs]
        found = eie.run(path, divisor)[0].reshape(-1)
        np.testing.assert_array_equal(found, np.array(expected, np.float32))
    assert 0 < fits < DRAWS


@pytest.mark.parametrize("bad", [2, -1, 1e9, np.nan])
def test_a_region_of_another_image(bad, tmp_path):
    """RoiAlign's batch index is an input."""
    values = model(
        helper.make_node("RoiAlign", ["m", "b", "i"], ["g"], "it", sampling_ratio=2),
        (1,),
        INT,
        columns=1,
        m=IMAGE,
        b=np.float32([[0, 0, 2, 2]]),
    )
    path = library(values, tmp_path)
    assert np.isfinite(eie.run(path, np.array([1]))[0]).all()
    if np.isnan(bad):
        return
    with pytest.raises(InputError, match=r"it\w* \(vision.roi_align\): index .* is outside 0\.\.1"):
        eie.run(path, np.array([int(bad)]))
