"""Each epilogue is one file in Python and one in C++, and the same function in every form."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import tvm
from hypothesis import given
from hypothesis import strategies as st
from on_llvm import on_llvm
from tvm import relax

from eie_backend.epilogues import BY_NAME, EPILOGUES, NONE
from eie_backend.machine.epilogue import Applied
from eie_backend.schedules.kernel import DenseShape, dense_kernel
from eie_backend.transform.epilogues import applied, why_host

ROOT = Path(__file__).parents[2]
PARAMETERS = {"none": 0.0, "relu": 0.0, "clip": 1.5, "leaky_relu": 0.3}
VALUES = np.array([-np.inf, -3.7, -1e-30, -0.0, 0.0, 1e-30, 0.7, 1.5, 1.6, np.inf], np.float32)


def test_files_in_python_and_cpp_are_the_same():
    python, cpp = ROOT / "eie_backend/epilogues", ROOT / "runtime/values/epilogues"
    assert {p.stem for p in python.glob("[!_]*.py")} == {p.stem for p in cpp.glob("*.h")} - {
        "visit"
    }
    assert {p.stem for p in python.glob("[!_]*.py")} == BY_NAME.keys() == PARAMETERS.keys()


def test_several_epilogues_may_be_calls_of_one_operator(monkeypatch):
    """Clip is asked first; what it refuses, the next one may take; else both say why."""

    class HardTanh(type(BY_NAME["clip"])):
        name = "hard_tanh"

        def read(self, call):
            low, high = (float(one.value) for one in call.args[1:])
            return high if low == -high else "its bounds are not alike"

    both = [BY_NAME["clip"], HardTanh()]
    monkeypatch.setattr("eie_backend.transform.epilogues.epilogues_of", lambda _: both)
    x = relax.Var("x", relax.TensorType((2, 3), "float32"))
    assert applied(relax.op.clip(x, 0.0, 6.0)) == (both[0], 6.0)
    assert applied(relax.op.clip(x, -1.0, 1.0)) == (both[1], 1.0)
    why = why_host(relax.op.clip(x, -1.0, 2.0))
    assert why.endswith("a positive number; its bounds are not alike")


@pytest.mark.parametrize("epilogue", EPILOGUES, ids=lambda one: one.name)
def test_tir_is_what_the_machine_computes(epilogue):
    ending = Applied(epilogue, PARAMETERS[epilogue.name])
    kernel = dense_kernel("k", DenseShape(1, VALUES.size, 1, True, ending))
    x, w = np.zeros((1, 1), np.float32), np.zeros((1, VALUES.size), np.float32)
    y = tvm.runtime.tensor(np.zeros((1, VALUES.size), np.float32))
    tvm.compile(kernel, target="llvm")(*map(tvm.runtime.tensor, (x, w, VALUES)), y)
    np.testing.assert_array_equal(y.numpy()[0], ending.of_floats(VALUES))


@pytest.mark.parametrize("epilogue", EPILOGUES, ids=lambda one: one.name)
def test_the_relax_operator_is_what_the_machine_computes(epilogue):
    calls = {
        "none": lambda x: x,
        "relu": relax.op.nn.relu,
        "clip": lambda x: relax.op.clip(x, 0.0, 1.5),
        "leaky_relu": lambda x: relax.op.nn.leakyrelu(x, 0.3),
    }
    builder, x = relax.BlockBuilder(), relax.Var("x", relax.TensorType(VALUES.shape, "float32"))
    with builder.function("main", [x]):
        builder.emit_func_output(builder.emit(calls[epilogue.name](x)))
    (found,) = on_llvm(builder.get(), VALUES)
    ending = Applied(epilogue, PARAMETERS[epilogue.name])
    np.testing.assert_allclose(found, ending.of_floats(VALUES), rtol=1e-7)


@given(
    st.sampled_from(EPILOGUES),
    st.floats(2.0**-10, 1 - 2.0**-6, width=32),
    st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1),
    st.integers(0, 30),
)
def test_fixed_point_is_the_function_rounded(epilogue, parameter, sums, frac_bits):
    """One rounding of the sum's last bit, and the slope's or the bound's own."""
    ending = Applied(epilogue, parameter)
    found = epilogue.execute(np.array(sums, np.int64), ending.word(frac_bits)) * 2.0**-frac_bits
    real = np.array(sums) * 2.0**-frac_bits
    exact = {
        "none": real,
        "relu": np.maximum(real, 0),
        "clip": np.clip(real, 0, parameter),
        "leaky_relu": np.where(real < 0, real * parameter, real),
    }[epilogue.name]
    step = 2.0**-frac_bits + (np.abs(real) * 2.0**-15 if epilogue.multiplies else 0)
    assert (np.abs(found - exact) <= step / 2).all()
    assert np.abs(found).max() <= epilogue.largest(np.abs(real).max(), parameter) + 2.0**-frac_bits


@pytest.mark.parametrize("name", ["clip", "leaky_relu"])
def test_words_are_in_the_order_of_their_numbers(name):
    numbers = [0.0, 2.0**-15, 0.1, 0.5, np.nextafter(np.float32(1), np.float32(0))]
    for frac_bits in (None, 15, 30):
        words = [Applied(BY_NAME[name], float(number)).word(frac_bits) for number in numbers]
        assert all(low < high for low, high in pairwise(words))
        highest = BY_NAME[name].highest_words[frac_bits is None]
        assert 0 <= words[0] and words[-1] <= highest


def test_a_bound_beyond_the_accumulator_bounds_nothing():
    word = Applied(BY_NAME["clip"], 1e30).word(20)
    assert word == 2**31 - 1 == BY_NAME["clip"].highest_words[0]
    assert NONE.word(None) == NONE.word(7) == 0
