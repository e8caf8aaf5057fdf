"""`Normalize`: one form for every importer's dense layers. Numbers are those of its docstring."""

import numpy as np
import pytest
from on_llvm import on_llvm
from tvm.ir import assert_structural_equal
from tvm.script import ir as I
from tvm.script import relax as R

from eie_backend.transform.attributes import attributes
from eie_backend.transform.layers import dense_layers, matmuls
from eie_backend.transform.normalize import Normalize
from eie_backend.transform.rename_layers import rename_layers

W = np.arange(12, dtype=np.float32).reshape(4, 3) - 5
MASK = (W > 0).astype(np.float32)


def names(mod):
    return [layer.name for layer in dense_layers(mod)]


def evaluate(mod, *arrays):
    return on_llvm(mod, *arrays)[0]


@I.ir_module
class Normal:
    @R.function
    def main(x: R.Tensor((2, 4), "float32")) -> R.Tensor((2, 3), "float32"):
        with R.dataflow():
            fc1: R.Tensor((2, 3), "float32") = R.matmul(x, R.const(W))
            R.output(fc1)
        return fc1


@I.ir_module
class Transposed:
    @R.function
    def main(x: R.Tensor((2, 4), "float32")) -> R.Tensor((2, 3), "float32"):
        lv = R.permute_dims(R.const(np.ascontiguousarray(W.T)))
        fc1 = R.matmul(x, lv)
        return fc1


@I.ir_module
class Flat:
    @R.function
    def main(x: R.Tensor((2, 4), "float32")) -> R.Tensor((2, 3), "float32"):
        with R.dataflow():
            lv = R.reshape(R.const(W.reshape(-1)), R.shape([4, 3]))
            fc1 = R.matmul(x, lv)
            R.output(fc1)
        return fc1


@I.ir_module
class Halves:
    @R.function
    def main(x: R.Tensor((2, 4), "float32")) -> R.Tensor((2, 3), "float32"):
        top = R.const(W[:2])
        bottom = R.const(W[2:])
        lv = R.concat((top, bottom), axis=0)
        fc1 = R.matmul(x, lv)
        alias = fc1
        return alias


@I.ir_module
class Masked:
    @R.function
    def main(x: R.Tensor((2, 4), "float32")) -> R.Tensor((2, 3), "float32"):
        lv = R.multiply(R.const(W), R.const(MASK))
        fc1 = R.matmul(x, lv)
        return fc1


@I.ir_module
class Dynamic:
    @R.function
    def main(x: R.Tensor((2, 4), "float32"), w: R.Tensor((3, 4), "float32")) -> R.Tensor(
        (2, 3), "float32"
    ):
        with R.dataflow():
            lv: R.Tensor((4, 3), "float32") = R.permute_dims(w)
            fc1: R.Tensor((2, 3), "float32") = R.matmul(x, lv)
            R.output(fc1)
        return fc1


@I.ir_module
class SameNames:
    @R.function
    def main(x: R.Tensor((2, 3), "float32")) -> R.Tensor((2, 3), "float32"):
        with R.dataflow():
            fc = R.matmul(x, R.const(W[:3]))
            fc = R.matmul(fc, R.const(W[:3]))
            fc_1 = R.matmul(fc, R.const(W[:3]))
            R.output(fc_1)
        return fc_1


@I.ir_module
class Calls:
    @R.function
    def helper(x: R.Tensor((2, 4), "float32")) -> R.Tensor((2, 3), "float32"):
        fc = R.matmul(x, R.const(W))
        return fc

    @R.function
    def main(x: R.Tensor((2, 4), "float32")) -> R.Tensor((2, 3), "float32"):
        cls = Calls
        h = cls.helper(x)
        fc = R.matmul(h, R.const(W[:3]))
        return fc


# Accepted


@pytest.mark.parametrize("before", [Transposed, Flat, Halves], ids=["transposed", "flat", "halves"])
def test_weights_behind_operations_become_one_constant(before):  # 1
    assert_structural_equal(Normalize()(before), Normal)


def test_pruned_weights_behind_a_mask_become_one_constant():  # 1
    (layer,) = dense_layers(Normalize()(Masked))
    np.testing.assert_array_equal(layer.weights, (W * MASK).T)


def test_names_become_unique():  # 2
    found = [binding.var.name for binding, _ in matmuls(Normalize()(SameNames))]
    assert len(set(found)) == 3
    assert found[0] == "fc"


def test_names_are_unique_across_functions():  # 2
    assert len(set(names(Normalize()(Calls)))) == 2


def test_layers_are_renamed_as_asked():  # 2
    before = Normalize()(Transposed)
    ((binding, _),) = matmuls(before)
    normal = rename_layers(before, {binding.var: "encoder"})
    assert names(normal) == ["encoder"]
    assert_structural_equal(normal, Normal)


def test_values_stay():
    x = np.arange(8, dtype=np.float32).reshape(2, 4)
    for before in (Transposed, Flat, Halves, Masked, Calls):
        np.testing.assert_array_equal(evaluate(Normalize()(before), x), evaluate(before, x))


def test_equal_weights_become_one_constant():  # 4
    first, second, third = (b.value.args[1] for b, _ in matmuls(Normalize()(SameNames)))
    assert first.same_as(second)
    assert first.same_as(third)
    (layer,) = dense_layers(Normalize()(SameNames))
    assert (layer.name, len(layer.uses)) == ("fc", 3)


def test_one_layer_answers_to_the_names_of_all():  # 4
    @I.ir_module
    class Equal:
        I.module_attrs({"eie.aliases": '{"a": ["first"], "b": ["second"], "c": ["third"]}'})

        @R.function
        def main(x: R.Tensor((2, 3), "float32")) -> R.Tensor((2, 3), "float32"):
            a = R.matmul(x, R.const(W[:3]))
            b = R.matmul(a, R.const(W[:3]))
            c = R.matmul(b, R.const(W[2::-1]))
            return c

    first, other = dense_layers(Normalize()(Equal))
    assert (first.name, first.aliases) == ("a", ("first", "b", "second"))
    assert (other.name, other.aliases) == ("c", ("third",))
    assert attributes(Normalize()(Equal)).aliases.keys() == {"a", "c"}


def test_other_weights_of_the_same_shape_stay_apart():  # 4
    @I.ir_module
    class Mirrored:
        @R.function
        def main(x: R.Tensor((2, 3), "float32")) -> R.Tensor((2, 3), "float32"):
            a = R.matmul(x, R.const(W[:3]))
            b = R.matmul(a, R.const(W[2::-1]))
            return b

    assert names(Normalize()(Mirrored)) == ["a", "b"]


# Left alone


def test_a_normal_module_is_left_alone():
    assert_structural_equal(Normalize()(Normal), Normal)


def test_weights_that_are_no_constants_are_left_alone():  # 1
    assert_structural_equal(Normalize()(Dynamic), Dynamic)


def test_unique_names_are_left_alone():  # 2
    assert names(Normalize()(Transposed)) == ["fc1"]


@pytest.mark.parametrize("before", [Transposed, Masked, Dynamic, SameNames, Calls])
def test_twice_is_once(before):  # 3
    once = Normalize()(before)
    twice = Normalize()(once)
    assert_structural_equal(twice, once)
    assert twice.script() == once.script()


def test_attributes_of_the_module_are_kept():
    mod = Normalize()(Transposed.with_attr("eie.recipe", "{}"))
    assert dict(mod.attrs.items()) == {"eie.recipe": "{}"}
