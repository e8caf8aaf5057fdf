"""A float divided by the number 0: as NumPy has it. Numbers are those of the docstring."""

import numpy as np
import pytest
from on_llvm import on_llvm
from tvm import relax
from tvm.ir import assert_structural_equal

import eie_backend as eie
from eie_backend.errors import ModelError
from eie_backend.transform.normalize import Normalize
from eie_backend.transform.zero_divisors import ZeroDivisors

X = np.array([[-1.5, -0.0, 0.0, 2.0, np.inf, np.nan]], np.float32)
QUOTIENTS = {
    "divide": np.divide,
    "floor_divide": lambda x, y: np.floor(x / y),
    "floor_mod": np.mod,
    "mod": np.fmod,
}


def division(operator, shape, divisor, dtype="float32"):
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType(shape, dtype))
    with builder.function("main", [x]):
        with builder.dataflow():
            quotient = getattr(relax.op, operator)(x, relax.const(divisor, dtype))
            output = builder.emit_output(quotient)
        builder.emit_func_output(output)
    return builder.get()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("operator", QUOTIENTS)
@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_quotients(operator, zero):
    mod = Normalize()(division(operator, X.shape, zero))
    (found,) = on_llvm(mod, X)
    np.testing.assert_array_equal(found, QUOTIENTS[operator](X, np.float32(zero)))


def test_a_result_of_no_dimensions():  # 2
    mod = Normalize()(division("divide", (), 0.0))
    (found,) = on_llvm(mod, np.float32(2))
    assert found.shape == ()
    assert np.isinf(found)


def test_what_is_left_alone():  # 1
    for mod in (
        division("divide", (3,), 2.0),
        division("divide", (3,), [0.0, 0.0, 0.0]),
        division("floor_divide", (3,), 0, "int32"),
    ):
        assert_structural_equal(ZeroDivisors()(mod), mod)


def test_an_integer_has_no_such_quotient():
    mod = division("floor_divide", (3,), 0, "int32")
    with pytest.raises(ModelError, match="divisor 0"):
        eie.compile(mod)
