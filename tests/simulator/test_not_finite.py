"""Values that are NaN or infinite are counted by input, told once, and refused if asked to."""

import warnings

import numpy as np
import pytest

import eie_backend as eie
from eie_backend.errors import InputError
from eie_backend.simulator.not_finite import NotFinite, add, count, only_bad, rows, sentence, tell

NAN, INF = np.nan, np.inf


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64", "bfloat16"])
def test_values_are_counted(dtype):
    if dtype == "bfloat16":
        dtype = pytest.importorskip("ml_dtypes").bfloat16
    values = np.array([[NAN, 1, -INF], [NAN, INF, 0]]).astype(dtype)
    assert count({"x": values})["x"] == NotFinite(nan=2, infinite=2, values=6)
    assert count({"x": np.ones((2, 3)).astype(dtype)})["x"] == NotFinite(0, 0, 6)


@pytest.mark.parametrize("place", [0, 5, 11])
@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_one_value_is_found_anywhere(value, place):
    values = np.linspace(-3e38, 3e38, 12, dtype=np.float32).reshape(3, 4)
    values.flat[place] = value
    for view in (values, values.T, values[::-1]):
        found = count({"x": view})["x"]
        assert found == NotFinite(int(np.isnan(value)), int(np.isinf(value)), 12)


@pytest.mark.parametrize(
    "values", [np.zeros((0, 3), np.float32), np.array(["nan"]), np.array(1), np.array([True])]
)
def test_what_has_no_such_values_is_finite(values):
    assert only_bad(count({"x": values})) == {}


def test_counts_add_up_by_input():
    one = {"x": NotFinite(1, 0, 4), "h": NotFinite(0, 0, 2)}
    assert add({}, one) == one
    assert add(one, {"x": NotFinite(2, 3, 4)}) == {
        "x": NotFinite(3, 3, 8),
        "h": NotFinite(0, 0, 2),
    }


def test_the_words():
    counts = {"x": NotFinite(3, 0, 1920), "h": NotFinite(1, 2, 1000), "": NotFinite(0, 1, 1)}
    assert sentence(counts) == (
        "input x: 3 NaN of 1,920 values; input h: 1 NaN and 2 infinite of 1,000 values; "
        "input: 1 infinite of 1 values"
    )
    assert rows(counts)[1] == {"input": "h", "nan": 1, "infinite": 2, "values": 1000}


def test_finite_inputs_are_told_of_nothing():
    tell({"x": NotFinite(0, 0, 9)}, strict=True)
    tell({"x": NotFinite(0, 0, 9)})


def test_a_warning_has_the_counts_and_can_be_an_error():
    counts = {"x": NotFinite(1, 0, 4), "h": NotFinite(0, 0, 2)}
    with pytest.warns(eie.NotFiniteWarning, match="input x: 1 NaN of 4 values; correct") as caught:
        tell(counts)
    assert caught[0].message.counts == [{"input": "x", "nan": 1, "infinite": 0, "values": 4}]
    with warnings.catch_warnings():
        warnings.simplefilter("error", eie.NotFiniteWarning)
        with pytest.raises(eie.NotFiniteWarning, match="input x"):
            tell(counts)
    with pytest.raises(InputError, match="input x: 1 NaN of 4 values; correct the data"):
        tell(counts, strict=True)


def test_the_warning_names_the_line_that_called_the_package(make_mlp):
    with pytest.warns(eie.NotFiniteWarning) as caught:
        eie.calibrate(eie.from_onnx(masked(make_mlp)), {"x": ones(4, 6), "mask": ones(4, 5) * -INF})
    assert [one.filename for one in caught] == [__file__]


def ones(*shape):
    return np.ones(shape, np.float32)


def masked(make_mlp):
    """Return a model that adds a mask to its scores, as attention does: -inf is meant."""
    from onnx import TensorProto, helper

    model = make_mlp(6, 5, batch=4)
    (result,) = model.graph.output
    model.graph.input.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, [4, 5]))
    model.graph.node.append(helper.make_node("Add", [result.name, "mask"], ["masked"]))
    result.name = "masked"
    return model
