"""Convolutions in any order of axes: JAX is the oracle, and the machine has them as layers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from on_llvm import on_llvm

import eie_backend as eie
from eie_backend.errors import ModelError
from eie_backend.transform.layers import layer_bindings

pytestmark = pytest.mark.jax
jax = pytest.importorskip("jax", reason="needs the extra `jax`")
from by_jax import assert_as_jax, values  # noqa: E402

lax = jax.lax
NHWC = ("NHWC", "HWIO", "NHWC")


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.data())
def test_any_convolution(data):
    rank = data.draw(st.integers(1, 3))
    few = st.integers(1, 3 if rank < 3 else 2)

    def each():
        return tuple(data.draw(few) for _ in range(rank))

    strides, spread, apart, kernel = each(), each(), each(), each()
    least = data.draw(st.sampled_from([0, 0, -1]))
    pads = [tuple(data.draw(st.integers(least, 3)) for _ in range(2)) for _ in range(rank)]
    spread = spread if least else (1,) * rank
    groups = data.draw(st.integers(1, 2))
    orders = [
        "".join(data.draw(st.permutations(letters + "DHW"[:rank])))
        for letters in ("NC", "OI", "NC")
    ]
    extents = {"N": 2, "C": 4, "O": 6, "I": 4 // groups}
    x = values(*(extents.get(one, 5) for one in orders[0]))
    taps = dict(zip("DHW", kernel, strict=False))
    w = values(*({**extents, **taps}[one] for one in orders[1]), seed=1)

    def convolved(x):
        return lax.conv_general_dilated(
            x, w, strides, pads, spread, apart, tuple(orders), feature_group_count=groups
        )

    if 0 not in jax.eval_shape(convolved, x).shape:
        mod = assert_as_jax(convolved, x, rtol=1e-4, atol=1e-4)
        ((binding, _),) = layer_bindings(mod)
        assert f"conv{rank}d" in str(binding.value.op)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("transpose_kernel", [False, True])
def test_transposed(padding, transpose_kernel):
    x = values(1, 4, 5, 3)
    w = values(3, 3, 2, 3) if transpose_kernel else values(3, 3, 3, 2)
    assert_as_jax(
        lambda x: lax.conv_transpose(
            x, w, (2, 3), padding, dimension_numbers=NHWC, transpose_kernel=transpose_kernel
        ),
        x,
        rtol=1e-4,
        atol=1e-4,
    )


def test_padding_of_each_side():
    x, w = values(1, 3, 5, 6), values(2, 3, 3, 2)
    for pads in ([(0, 1), (2, 3)], [(2, 0), (0, 1)]):
        assert_as_jax(
            lambda x, pads=pads: lax.conv_general_dilated(x, w, (1, 2), pads), x, atol=1e-4
        )


def test_weights_that_are_an_input():
    x, w = values(2, 3, 6, 6), values(4, 3, 3, 3)
    assert_as_jax(lambda x, w: lax.conv(x, w, (1, 1), "SAME"), x, w, rtol=1e-4, atol=1e-4)


def test_it_is_a_layer_with_the_name_of_its_scope():
    w = values(5, 5, 3, 4)

    def convolved(x):
        with jax.named_scope("stem"):
            return jax.nn.relu(
                lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=NHWC)
            )

    x = values(1, 6, 6, 3)
    mod = eie.compress(assert_as_jax(convolved, x, rtol=1e-4, atol=1e-4))
    report = eie.profile(eie.compile(mod, arithmetic="float32"), x)
    assert [layer.name for layer in report.layers] == ["stem"]
    np.testing.assert_allclose(report.outputs, on_llvm(mod, x), 1e-4, 1e-4)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            lambda x: lax.conv_general_dilated(x, x, (1,), "SAME", batch_group_count=2),
            "(stablehlo.convolution): its batch_group_count is 2, it must be 1; use ",
        ),
        (
            lambda x: lax.conv_general_dilated(x[..., 0], x[..., 0], (), ()),
            "(stablehlo.convolution): it has 0 spatial axes, it must have 1 to 3",
        ),
    ],
)
def test_refused(function, message):
    with pytest.raises(ModelError) as caught:
        eie.from_jax(function, values(2, 2, 4))
    assert message in str(caught.value)
