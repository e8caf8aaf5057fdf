"""Dropout falls with the square root of the connections that are left."""

import pytest

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch", reason="needs the extra `torch`")

import retraining_task as task  # noqa: E402

from eie_backend import Recipe, Schedule  # noqa: E402
from eie_backend.compress.torch import Training  # noqa: E402
from eie_backend.compress.torch.dropout import find_dropouts, scale_dropout  # noqa: E402
from eie_backend.compress.torch.layers import find_layers  # noqa: E402

nn = torch.nn


def test_it_belongs_to_the_layer_that_follows():
    model = nn.Sequential(
        nn.Dropout(0.4),
        nn.Linear(2, 2),
        nn.Dropout1d(0.1),
        nn.ReLU(),
        nn.Linear(2, 2),
        nn.Dropout(),
    )
    found = find_dropouts(model, find_layers(model))
    assert {(d.rate, d.layer) for d in found} == {
        (0.4, "layer_1"),
        (0.1, "layer_4"),
        (0.5, "layer_4"),
    }


def test_equation_2():
    """A layer of 9 % of its connections: 0.5 * sqrt(0.09) = 0.15."""
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(2, 2))
    scale_dropout(find_dropouts(model, find_layers(model)), {"layer_1": 0.09})
    assert model[0].p == pytest.approx(0.15)


@pytest.mark.parametrize("prune_every", [None, 5])
def test_rates_while_retraining(prune_every):
    """In every round, in sharing, and again the given rate at the end."""
    rates = []

    def loss(model, batch):
        rates.append(model.dropout.p)
        return task.loss(model, batch)

    result = task.call(
        loss=loss,
        recipe=Recipe(density={"fc2": 0.25}, schedule=Schedule(steps=1)),
        training=Training(prune_every=prune_every),
    )
    batches = task.SAMPLES // task.BATCH
    first = 0.25 if prune_every is None else 0.5  # chosen after the round's last batch
    assert rates == [first] * batches + [0.25] * batches
    assert result.model.dropout.p == 0.5
