"""`unify_functions`: equal functions of the machine are one. Numbers are its docstring's."""

import numpy as np
import pytest
from tvm.ir import assert_structural_equal
from tvm.script import ir as I
from tvm.script import relax as R

from eie_backend.transform.unify_functions import unify_functions

W = np.arange(4, dtype=np.float32).reshape(2, 2)


def module(second, codegen="eie"):
    @I.ir_module
    class Two:
        @R.function
        def cell(x: R.Tensor((1, 2), "float32")) -> R.Tensor((1, 2), "float32"):
            R.func_attr({"Codegen": codegen})
            y = R.matmul(x, R.const(W))
            return y

        @R.function
        def cell1(z: R.Tensor((1, 2), "float32")) -> R.Tensor((1, 2), "float32"):
            R.func_attr({"Codegen": codegen})
            u = R.matmul(z, R.const(second))
            return u

        @R.function
        def main(x: R.Tensor((1, 2), "float32")) -> R.Tensor((1, 2), "float32"):
            cls = Two
            h = cls.cell(x)
            y = cls.cell1(h)
            return y

    return Two


def test_equal_functions_are_one():  # 1
    @I.ir_module
    class One:
        @R.function
        def cell(x: R.Tensor((1, 2), "float32")) -> R.Tensor((1, 2), "float32"):
            R.func_attr({"Codegen": "eie"})
            y = R.matmul(x, R.const(W))
            return y

        @R.function
        def main(x: R.Tensor((1, 2), "float32")) -> R.Tensor((1, 2), "float32"):
            cls = One
            h = cls.cell(x)
            y = cls.cell(h)
            return y

    assert_structural_equal(unify_functions(module(W.copy())), One)


def test_functions_with_other_weights_are_left_alone():  # 1
    mod = module(W + 1)
    assert_structural_equal(unify_functions(mod), mod)


def test_functions_of_the_host_are_left_alone():  # 2
    mod = module(W)
    for name in ("cell", "cell1"):
        mod[name] = mod[name].without_attr("Codegen")
    assert_structural_equal(unify_functions(mod), mod)


@pytest.mark.parametrize("attribute", ["eie.recipe"])
def test_attributes_of_the_module_are_kept(attribute):
    assert attribute in unify_functions(module(W).with_attr(attribute, "{}")).attrs
