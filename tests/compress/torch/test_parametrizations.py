"""What masks and codebooks do to weights and gradients, against plain PyTorch."""

import numpy as np
import pytest

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch", reason="needs the extra `torch`")

from eie_backend.compress.torch.parametrizations import (  # noqa: E402
    make_plain,
    mask_weight,
    parametrization,
    set_mask,
    share_weight,
)

nn = torch.nn


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return nn.Linear(6, 4)


@pytest.fixture
def mask():
    return np.random.default_rng(1).random((4, 6)) < 0.5


def backward(layer, seed=2):
    x, y = torch.randn(2, 5, 6, generator=torch.Generator().manual_seed(seed))
    layer.zero_grad()
    ((layer(x) - y[:, :4]) ** 2).sum().backward()


def test_masked_steps_equal_plain_arithmetic(layer, mask):
    """Ten steps with momentum: w <- m * (w - lr * v), v <- 0.9 v + m * g."""
    reference, keep = nn.Linear(6, 4), torch.tensor(mask)
    reference.load_state_dict(layer.state_dict())
    mask_weight(layer, mask, regrow=False)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.01, momentum=0.9)
    with torch.no_grad():
        reference.weight *= keep
    velocity = {name: torch.zeros_like(p) for name, p in reference.named_parameters()}
    for step in range(10):
        backward(layer, step)
        optimizer.step()
        backward(reference, step)
        with torch.no_grad():
            reference.weight.grad *= keep
            for name, p in reference.named_parameters():
                velocity[name] = 0.9 * velocity[name] + p.grad
                p.sub_(0.01 * velocity[name])
        assert (layer.weight[~keep] == 0).all()
        torch.testing.assert_close(layer.weight, reference.weight, rtol=1e-6, atol=1e-7)
        torch.testing.assert_close(layer.bias, reference.bias, rtol=1e-6, atol=1e-7)


def test_momentum_does_not_revive_a_pruned_weight(layer, mask):
    mask_weight(layer, np.ones_like(mask), regrow=False)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.1)
    backward(layer)
    optimizer.step()
    set_mask(layer, mask)
    for _ in range(3):
        backward(layer)
        assert (layer.parametrizations.weight.original.grad[~torch.tensor(mask)] == 0).all()
        optimizer.step()
        weight = layer.weight.detach().numpy()
        assert not weight[~mask].any()
        assert not np.signbit(weight[~mask]).any()  # not -0.0 either


def test_regrow_computes_with_the_mask_and_learns_without(layer, mask):
    original = layer.weight.detach().clone()
    plain = nn.Linear(6, 4)
    plain.load_state_dict(layer.state_dict())
    with torch.no_grad():
        plain.weight *= torch.tensor(mask)
    mask_weight(layer, mask, regrow=True)
    assert torch.equal(layer.weight, torch.where(torch.tensor(mask), original, 0))
    backward(layer)
    backward(plain)
    assert torch.equal(layer.parametrizations.weight.original.grad, plain.weight.grad)


@pytest.mark.parametrize("module", [nn.Linear(30, 20), nn.Conv2d(3, 8, 5)])
def test_the_gradient_of_a_shared_value_is_the_sum_of_its_weights(module):
    torch.manual_seed(3)
    rng = np.random.default_rng(4)
    values = np.float32([-0.7, -0.25, 0.125, 0.3, 0.8])
    matrix = rng.choice(np.append(values, np.float32(0)), module.weight.flatten(1).shape)
    share_weight(module, matrix, 3)
    assert np.array_equal(module.weight.detach().flatten(1).numpy(), matrix)

    upstream = torch.randn_like(module.weight)
    (module.weight * upstream).sum().backward()
    gradient = module.parametrizations.weight.original.grad.numpy()
    flat = upstream.flatten(1).double().numpy()
    expected = [flat[matrix == value].sum() for value in values]
    np.testing.assert_allclose(gradient[:5], expected, rtol=1e-5)
    assert not gradient[5:].any()  # 3 bits are 7 values; two are not used


def test_shared_values_move_and_zeros_do_not(layer):
    matrix = np.float32([[0, 1, 1, 2, 0, 2]] * 4)
    share_weight(layer, matrix, 2)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.1)
    for step in range(5):
        backward(layer, step)
        optimizer.step()
    weight = layer.weight.detach().numpy()
    assert np.array_equal(weight == 0, matrix == 0)
    assert [len(np.unique(weight[matrix == value])) for value in (1, 2)] == [1, 1]
    assert np.abs(weight - matrix)[matrix != 0].min() > 0.05


def test_a_plain_weight_is_a_parameter_again(layer):
    names = list(layer.state_dict())
    share_weight(layer, np.float32([[0, 1, 1, 2, 0, 2]] * 4), 2)
    backward(layer)
    make_plain(layer)
    assert type(layer) is nn.Linear
    assert list(layer.state_dict()) == names
    assert isinstance(layer.weight, nn.Parameter)
    backward(layer)
    assert layer.weight.grad.shape == (4, 6)


def test_connections_are_where_weights_may_be(layer, mask):
    mask_weight(layer, mask, regrow=False)
    assert np.array_equal(parametrization(layer).connections.numpy(), mask)
    make_plain(layer)
    share_weight(layer, mask.astype(np.float32), 1)
    assert np.array_equal(parametrization(layer).connections.numpy(), mask)


def test_a_frozen_weight_stays_frozen(layer, mask):
    layer.weight.requires_grad_(False)
    mask_weight(layer, mask, regrow=False)
    make_plain(layer)
    share_weight(layer, mask.astype(np.float32), 1)
    backward(layer)
    assert not layer.parametrizations.weight.original.requires_grad
    make_plain(layer)
    assert not layer.weight.requires_grad
