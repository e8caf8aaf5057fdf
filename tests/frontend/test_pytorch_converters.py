"""PyTorch's operators as PyTorch computes them: PyTorch is the oracle."""

import numpy as np
import pytest
from on_llvm import on_llvm

import eie_backend as eie

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch", reason="needs the extra `torch`")
functional = torch.nn.functional

X = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 3, 5, 7)).astype(np.float32))
GRID = torch.from_numpy(
    np.random.default_rng(1).uniform(-1.1, 1.1, (1, 4, 6, 2)).astype(np.float32)
)


class Of(torch.nn.Module):
    """A module of one function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        return self.function(*inputs)


def assert_as_pytorch(function, *inputs):
    wanted = function(*inputs).numpy()
    mod = eie.from_pytorch(Of(function), inputs)
    (found,) = on_llvm(mod, *inputs)
    assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype)
    np.testing.assert_allclose(found, wanted, 1e-4, 1e-5)


SIZES = {
    "twice": {"scale_factor": 2},
    "broken": {"scale_factor": 1.5},
    "less": {"scale_factor": 0.6},
    "larger": {"size": (8, 11)},
    "one": {"size": (1, 4)},
}
MODES = {
    "nearest": {"mode": "nearest"},
    "nearest_exact": {"mode": "nearest-exact"},
    "bilinear": {"mode": "bilinear"},
    "bilinear_corners": {"mode": "bilinear", "align_corners": True},
    "bilinear_antialias": {"mode": "bilinear", "antialias": True},
    "bicubic": {"mode": "bicubic"},
    "bicubic_corners": {"mode": "bicubic", "align_corners": True},
    "bicubic_antialias": {"mode": "bicubic", "antialias": True},
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mode", MODES)
def test_interpolate(mode, size):
    assert_as_pytorch(lambda x: functional.interpolate(x, **MODES[mode], **SIZES[size]), X)


@pytest.mark.parametrize(
    ("mode", "shape"),
    [("linear", (2, 3, 5)), ("nearest", (2, 3, 5)), ("trilinear", (1, 2, 3, 4, 5))],
)
def test_interpolate_over_one_and_three_axes(mode, shape):
    x = torch.arange(float(np.prod(shape))).reshape(shape)
    assert_as_pytorch(lambda x: functional.interpolate(x, scale_factor=1.5, mode=mode), x)


def test_selu():
    assert_as_pytorch(functional.selu, X)
    assert_as_pytorch(lambda x: functional.celu(x, 0.5), X)
    assert_as_pytorch(lambda x: functional.elu(x, 0.7), X * 100)


@pytest.mark.parametrize("ceil_mode", [False, True])
def test_a_divisor_of_averages(ceil_mode):
    assert_as_pytorch(lambda x: functional.avg_pool2d(x, 3, 2, 1, ceil_mode, divisor_override=4), X)
    assert_as_pytorch(lambda x: functional.avg_pool2d(x[0], 2, None, 0, ceil_mode, True, 3), X)


@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
def test_grid_sample(mode, padding, corners):
    assert_as_pytorch(
        lambda x, grid: functional.grid_sample(x, grid, mode, padding, corners), X, GRID
    )


@pytest.mark.parametrize("scan", [torch.cumsum, torch.cumprod])
def test_sums_of_booleans_and_of_small_integers_are_of_64_bits(scan):
    assert_as_pytorch(lambda x: scan(x > 0, -1), X)
    assert_as_pytorch(lambda x: scan((x * 3).to(torch.int32), 1), X)
    assert_as_pytorch(lambda x: scan(x > 0, -1, dtype=torch.float32), X)
    assert_as_pytorch(lambda x: scan(x, -2), X)


def test_slices_are_copied_added_and_filled():
    places = torch.tensor([3, 0])
    assert_as_pytorch(lambda x: x.index_copy(2, places, x[:, :, 1:3]), X)
    assert_as_pytorch(lambda x: x.index_add(-2, places, x[:, :, 1:3], alpha=2), X)
    assert_as_pytorch(lambda x: x.index_fill(2, torch.tensor([0, -1]), 2.0), X)


ROWS, COLUMNS = torch.tensor([[0], [-1], [2]]), torch.tensor([1, -2])


@pytest.mark.parametrize(
    "read",
    [
        lambda x: x[:, :, ROWS, COLUMNS],
        lambda x: x[:, ROWS, COLUMNS],
        lambda x: x[:, torch.tensor([0, 1]), :, COLUMNS],
        lambda x: x[torch.tensor([0]), :, ROWS[:1]],
        lambda x: x[0, [1, 2], [3, -1]],
        lambda x: x[:, :, torch.tensor([[0]]), torch.tensor([1, 2, 3])],
    ],
)
def test_several_indices(read):
    assert_as_pytorch(read, X)


@pytest.mark.parametrize("extreme", [torch.amax, torch.amin])
def test_largest_and_smallest_values(extreme):
    assert_as_pytorch(lambda x: extreme(x, (1, -1)), X)
    assert_as_pytorch(lambda x: extreme(x, 2, keepdim=True), X)
    assert_as_pytorch(extreme, X)
    assert_as_pytorch(lambda x: x.logsumexp((1, 2)), X)


def test_products():
    assert_as_pytorch(lambda x: x.prod(-1), X)
    assert_as_pytorch(lambda x: (x > 0).prod(2, keepdim=True), X)
    assert_as_pytorch(lambda x: x.prod(1, dtype=torch.float64), X)


def test_variances_with_means():
    for options in ({"dim": (1, 3)}, {"dim": 2, "correction": 0, "keepdim": True}, {}):
        for part in (0, 1):
            assert_as_pytorch(lambda x, at=part, o=options: torch.var_mean(x, **o)[at], X)


@pytest.mark.parametrize("shape", [(2, 6, 5), (2, 6, 4, 3), (1, 6, 2, 2, 2)])
@pytest.mark.parametrize("groups", [1, 3, 6])
def test_group_normalisation(shape, groups):
    x = torch.from_numpy(np.random.default_rng(2).normal(size=shape).astype(np.float32))
    weight, bias = torch.linspace(0.5, 2, 6), torch.linspace(-1, 1, 6)
    assert_as_pytorch(lambda x: functional.group_norm(x, groups, weight, bias), x)
    assert_as_pytorch(lambda x: functional.group_norm(x, groups), x)


def test_lengths():
    assert_as_pytorch(lambda x: torch.hypot(x, 1 - x), X)
