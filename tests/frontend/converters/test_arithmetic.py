"""Pow, Mod, IsInf and scans, of all dtypes and special values: ONNX Runtime is the oracle."""

import numpy as np
import pytest
from by_runtime import assert_as_runtime, imported, one_node
from onnx import TensorProto

from eie_backend.errors import ModelError

SPECIAL = np.array([-np.inf, -7.5, -1, -0.0, 0, 2, np.inf, np.nan], np.float32)
FLOAT, INT32, INT64, BOOL = (
    TensorProto.FLOAT,
    TensorProto.INT32,
    TensorProto.INT64,
    TensorProto.BOOL,
)


@pytest.mark.parametrize("negative", [0, 1])
@pytest.mark.parametrize("positive", [0, 1])
def test_infinities_of_each_sign(negative, positive):
    assert_as_runtime(
        "IsInf", [SPECIAL], kinds=[BOOL], opset=20, detect_negative=negative,
        detect_positive=positive,
    )  # fmt: skip


def test_remainders_of_floats_have_the_dividends_sign_with_fmod():
    x, y = np.meshgrid(SPECIAL, np.array([-3, 0, 2.5, np.inf], np.float32))
    assert_as_runtime("Mod", [x, y], fmod=1)


def test_remainders_of_floats_have_the_divisors_sign_without_fmod():
    x, y = np.meshgrid(SPECIAL, np.array([-3, 0, 2.5, np.inf], np.float32))
    model, feeds = one_node("Mod", [x, y])
    model.opset_import[0].version = 28
    with np.errstate(all="ignore"):
        wanted = np.mod(x, y)
    np.testing.assert_array_equal(imported(model, feeds)[0], wanted)


@pytest.mark.parametrize("fmod", [0, 1])
def test_remainders_of_integers(fmod):
    x = np.array([-7, -3, 0, 5, 8], np.int32)
    assert_as_runtime("Mod", [x, np.array([3, -2, 4, -3, 3], np.int32)], kinds=[INT32], fmod=fmod)


def test_a_remainder_by_the_constant_0():
    model, _ = one_node("Mod", [np.arange(3), np.array([2, 0, 1])], [1], kinds=[INT64])
    with pytest.raises(ModelError, match=r"\(Mod\): divisor 0"):
        imported(model, {})


@pytest.mark.parametrize("exponent", [np.int32, np.int64, np.float32])
@pytest.mark.parametrize("base", [np.int32, np.int64, np.float32])
def test_powers_have_the_dtype_of_their_base(base, exponent):
    x, y = np.array([1, 2, 3], base), np.array([4, 2, 3], exponent)
    kind = {np.int32: INT32, np.int64: INT64, np.float32: FLOAT}[base]
    assert_as_runtime("Pow", [x, y], kinds=[kind], opset=15)
    assert_as_runtime("Pow", [x, y], [1], kinds=[kind], opset=15)


@pytest.mark.parametrize("exclusive", [0, 1])
@pytest.mark.parametrize("reverse", [0, 1])
def test_sums_along_an_axis(exclusive, reverse):
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    for axis in (0, -1):
        assert_as_runtime("CumSum", [x, np.array(axis)], [1], exclusive=exclusive, reverse=reverse)


def test_an_axis_that_is_not_there():
    model, _ = one_node("CumSum", [np.ones((2, 2), np.float32), np.array(5)], [1])
    with pytest.raises(ModelError, match="CumSum"):
        imported(model, {})
