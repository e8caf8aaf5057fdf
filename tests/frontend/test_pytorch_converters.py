"""PyTorch's operators as PyTorch computes them: PyTorch is the oracle."""

import numpy as np
import pytest
from on_llvm import on_llvm

import eie_backend as eie
from eie_backend.errors import ModelError

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
    assert_as_pytorch(lambda x: x.prod(), X)
    assert_as_pytorch(lambda x: (x * 3).to(torch.int32).prod(), X)


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


@pytest.mark.parametrize("bias", [False, True])
def test_a_bilinear_layer_runs_on_the_machine(bias):
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.pair = torch.nn.Bilinear(5, 6, 3, bias=bias)

        def forward(self, a, b):
            return self.pair(a, b)

    net = Net().eval()
    for lead in ((4,), (2, 3)):
        a, b = torch.randn(*lead, 5), torch.randn(*lead, 6)
        mod = eie.from_pytorch(net, (a, b))
        np.testing.assert_allclose(on_llvm(mod, a, b)[0], net(a, b).detach(), 1e-4, 1e-5)
        ((layer, operator),) = ((p.layer, p.operator) for p in eie.explain(mod) if p.is_layer)
        assert (layer, operator) == ("pair", "matmul")


class Masked(torch.nn.Module):
    """A function of an input and of a mask, which is a buffer."""

    def __init__(self, function, mask):
        super().__init__()
        self.function = function
        self.register_buffer("mask", torch.tensor(mask))
        self.fc = torch.nn.Linear(7, 2)

    def forward(self, x):
        return self.function(x, self.mask, self.fc)


def assigned(at):
    def function(x, mask, _fc):
        y = x.clone()
        if at == "all":
            y[x > 0] = 0.0
        elif at == "rows":
            y[:, :, mask] = 2.0
        elif at == "values":
            y[:, :, mask] = x[:, :, :1] * 3
        elif at == "first":
            y[:, :, mask] = torch.arange(7.0)
        return y

    return function


@pytest.mark.parametrize(
    "function",
    [
        lambda x, mask, _: x[:, :, mask],
        lambda x, mask, fc: fc(x[:, :, mask]),
        lambda x, mask, fc: fc(x[0, 0][mask]).relu(),
        lambda x, mask, _: x[:, [True, False, True]] + mask.sum(),
        lambda x, mask, _: x[:, :, mask][:, torch.tensor([2, 0])],
        *map(assigned, ("all", "rows", "values", "first")),
    ],
)
def test_masks(function):
    net = Masked(function, [True, False, True, True, False]).eval()
    with torch.no_grad():
        wanted = net(X).numpy()
    for given in (net, torch.export.export(net, (X,))):
        mod = eie.from_pytorch(given, (X,)) if given is net else eie.from_pytorch(given)
        np.testing.assert_allclose(on_llvm(mod, X)[0], wanted, 1e-4, 1e-5)
    assert {p.layer for p in eie.explain(mod) if p.is_layer} <= {"fc"}


def test_a_mask_of_several_axes():
    mask = X[0, 0] > 0
    assert_as_pytorch(lambda x: x[:, :, mask], X)
    assert_as_pytorch(lambda x: x[0, 1][mask], X)


def test_masks_that_change_or_depend_on_data_are_refused():
    def function(x, mask, _fc):
        mask.logical_not_()
        return x[:, :, mask]

    for refused in (function, lambda x, _mask, _fc: x[x > 0]):
        with pytest.raises(ModelError, match="the shape of its result depends on data"):
            eie.from_pytorch(Masked(refused, [True, False, True, True, True]), (X,))


def test_values_that_differ_among_masked_places():
    def function(x, mask, _fc):
        y = x.clone()
        y[:, :, mask] = x[:, :, 1:4]
        return y

    with pytest.raises(ModelError) as caught:
        eie.from_pytorch(Masked(function, [True, False, True, True, False]), (X,))
    assert "differ among masked places; use torch.where" in str(caught.value)
