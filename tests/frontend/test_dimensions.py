"""`bind_dimensions` gives any Relax module static shapes, or says what is missing."""

import numpy as np
import pytest
from tvm.script import ir as I
from tvm.script import relax as R
from tvm.script import tirx as T

import eie_backend as eie
from eie_backend.errors import ModelError

W = np.arange(12, dtype=np.float32).reshape(4, 3)


@I.ir_module
class Dynamic:
    @R.function
    def main(x: R.Tensor(("n", "k"), "float32"), y: R.Tensor(("n", 4), "float32")) -> R.Tensor(
        ("n", 3), "float32"
    ):
        n = T.int64()
        with R.dataflow():
            fc: R.Tensor((n, 3), "float32") = R.matmul(y, R.const(W))
            R.output(fc)
        return fc


def shapes(mod):
    return [tuple(map(int, param.ty.shape.values)) for param in mod["main"].params]


@pytest.mark.parametrize("place", ["x.0", "y.0"])
def test_a_dimension_is_bound_at_any_of_its_places(place):
    bound = eie.bind_dimensions(Dynamic.with_attr("eie.recipe", "{}"), {place: 2, "x.1": 7})
    assert shapes(bound) == [(2, 7), (2, 4)]
    assert tuple(map(int, bound["main"].ret_ty.shape.values)) == (2, 3)
    assert "eie.recipe" in bound.attrs
    assert eie.bind_dimensions(bound).same_as(bound)


def test_a_bound_module_runs_on_the_machine():
    bound = eie.bind_dimensions(Dynamic, {"x.0": 2, "x.1": 1})
    x, y = np.zeros((2, 1), np.float32), np.ones((2, 4), np.float32)
    report = eie.profile(eie.compile(bound, arithmetic="float32"), {"x": x, "y": y})
    np.testing.assert_array_equal(report.outputs[0], y @ W)
    assert [layer.name for layer in report.layers] == ["fc"]


@pytest.mark.parametrize(
    ("bind", "message"),
    [
        (
            {"x.1": 3},
            "model: the machine needs static shapes, but these dimensions are dynamic: 'x.0' "
            "(x, axis 0, y, axis 0); bind them, for example --bind x.0=1 (Python: "
            "bind={'x.0': 1}; for a sweep: bind: {x.0: 1})",
        ),
        (
            {"x.0": 1, "x.1": 1, "y.1": 2, "z": 1},
            "model: bind y.1, z: no such dynamic dimension; the model has x.0, x.1",
        ),
        (
            {"x.0": 0, "x.1": True},
            "model: bind x.0=0, x.1=True: a dimension is an integer in 1..2147483647",
        ),
    ],
)
def test_faults(bind, message):
    with pytest.raises(ModelError) as caught:
        eie.bind_dimensions(Dynamic, bind)
    assert str(caught.value) == message


def test_a_dimension_with_two_sizes():
    with pytest.raises(ModelError) as error:
        eie.bind_dimensions(Dynamic, {"x.0": 2, "y.0": 3, "x.1": 7})
    assert str(error.value) == "model: bind x.0=2, y.0=3: one dimension, two sizes; give one"


def test_a_dimension_that_is_computed():
    @I.ir_module
    class Computed:
        @R.function
        def main(x: R.Tensor(("n", "n * 2"), "float32")) -> R.Tensor(("n", "n * 2"), "float32"):
            return x

    with pytest.raises(ModelError, match=r"^model: dimensions of x, axis 1 \(.*\) are computed"):
        eie.bind_dimensions(Computed, {"x.0": 2})
