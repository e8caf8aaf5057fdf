"""Winograd's F(2x2, 3x3): the identity itself, and when it is chosen."""

import numpy as np
import pytest
import tvm
from scipy.signal import correlate2d
from tvm import relax, te

from eie_backend.transform.convolution import Convolution
from eie_backend.transform.layers import MAX_SHARED
from eie_backend.transform.winograd import (
    A,
    B,
    G,
    rolled,
    transform_input,
    transform_weights,
    use_winograd,
)

RNG = np.random.default_rng(0)


def layer(weights, size=(12, 12), **options):
    """Return a convolution of an input (1, channels, *size)."""
    channels = weights.shape[1] * options.get("groups", 1)
    x = relax.Var("x", relax.TensorType((1, channels, *size), "float32"))
    call = relax.op.nn.conv2d(x, relax.const(weights.astype(np.float32)), **options)
    return Convolution("conv", relax.BlockBuilder().normalize(call))


def test_the_transforms_are_a_convolution():
    d, g = RNG.normal(size=(4, 4)), RNG.normal(size=(3, 3))
    found = A.T @ ((G @ g @ G.T) * (B.T @ d @ B)) @ A
    np.testing.assert_allclose(found, correlate2d(d, g, "valid"), atol=1e-12)


def test_weights_are_transformed_channel_by_channel():
    weights = RNG.normal(size=(3, 2, 3, 3))
    u = transform_weights(layer(weights))
    assert u.shape == (16, 2, 3)
    assert u.dtype == np.float32
    for o, i in np.ndindex(3, 2):
        expected = G @ weights[o, i] @ G.T
        np.testing.assert_allclose(u[:, i, o].reshape(4, 4), expected, rtol=1e-6, atol=1e-6)


def test_short_loops_are_not_unrolled():
    """Five by three patches of 96 channels were 81,000 lines of LLVM, and 13 s to compile."""
    conv = layer(RNG.normal(size=(1, 96, 3, 3)), (5, 10), padding=1)
    x = te.placeholder((1, 5, 10, 96), "float32")
    function = rolled(te.create_prim_func([x, *transform_input(x, conv)]))
    code = tvm.compile(function, target="llvm").mod.inspect_source("ll")
    assert len(code.splitlines()) < 30_000


def test_groups_stay_apart():
    u = transform_weights(layer(RNG.normal(size=(4, 1, 3, 3)), groups=4))
    assert (np.count_nonzero(u, axis=0) == 16 * np.eye(4)).all()


DENSE = RNG.normal(size=(16, 16, 3, 3))


def test_auto_takes_dense_weights():
    assert use_winograd(layer(DENSE), "auto")


@pytest.mark.parametrize(("size", "chosen"), [((3, 3), False), ((4, 4), True), ((4, 3), False)])
def test_auto_counts_whole_patches(size, chosen):
    # 16 products for up to four results, against 9, 36 or 18; and the host's additions.
    results = (size[0] - 2) * (size[1] - 2)
    additions = (32 * 16 + 24 * 16) / 16**2  # for each pair of channels
    assert use_winograd(layer(DENSE, size), "auto") is chosen is (9 * results > 16 + additions)


def test_auto_leaves_depthwise_convolutions_alone():
    depthwise = layer(RNG.normal(size=(64, 1, 3, 3)), groups=64)
    assert not use_winograd(depthwise, "auto")
    assert use_winograd(depthwise, "always")


def test_auto_leaves_sparse_weights_alone():
    # One weight of nine, in the middle of the kernel, becomes four elements of U: 1 > 4 / 4.
    middle = np.zeros_like(DENSE)
    middle[:, :, 1, 1] = DENSE[:, :, 1, 1]
    assert np.count_nonzero(transform_weights(layer(middle))) == 4 * 16 * 16
    assert not use_winograd(layer(middle), "auto")
    corner = np.zeros_like(DENSE)
    corner[:, :, 0, 0] = DENSE[:, :, 0, 0]
    assert not use_winograd(layer(corner), "auto")


def test_auto_leaves_shared_weights_alone():
    values = RNG.permutation(MAX_SHARED + 1) + 1
    shared = np.resize(values[:MAX_SHARED], DENSE.shape)
    assert not use_winograd(layer(shared), "auto")
    assert use_winograd(layer(np.resize(values, DENSE.shape)), "auto")
    assert use_winograd(layer(shared), "always")


@pytest.mark.parametrize("mode", ["auto", "always", "never"])
@pytest.mark.parametrize(
    ("kernel", "options"),
    [((5, 5), {}), ((1, 3), {}), ((3, 3), {"strides": 2}), ((3, 3), {"dilation": (1, 2)})],
)
def test_other_convolutions_stay_direct(kernel, options, mode):
    assert not use_winograd(layer(RNG.normal(size=(16, 16, *kernel)), **options), mode)


def test_never_is_never_and_always_is_always():
    assert not use_winograd(layer(DENSE), "never")
    assert use_winograd(layer(DENSE, (3, 3)), "always")
