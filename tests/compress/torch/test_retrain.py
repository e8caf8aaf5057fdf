"""The whole of retraining: what comes out, what it keeps, what it leaves alone."""

import io
import json
from itertools import pairwise

import numpy as np
import pytest

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch", reason="needs the extra `torch`")

import retraining_task as task  # noqa: E402
from rich.console import Console  # noqa: E402

import eie_backend as eie  # noqa: E402
from eie_backend import HardwareConfig, Recipe, Schedule  # noqa: E402
from eie_backend.cli.compress_tables import steps_table  # noqa: E402
from eie_backend.compress.report import report_from_json  # noqa: E402
from eie_backend.compress.share_weights import share  # noqa: E402
from eie_backend.compress.torch import Training, retrain  # noqa: E402
from eie_backend.errors import GuardError, RecipeError  # noqa: E402
from eie_backend.storage.accounting import measure  # noqa: E402
from eie_backend.transform.dense_form import DenseForm  # noqa: E402
from eie_backend.transform.layers import dense_layers  # noqa: E402

LAYERS = {"conv": 36, "fc1": 1280, "fc2": 100}
"""Weights of the layers."""


@pytest.fixture(scope="module")
def result():
    return task.call()


def weights_of(model):
    return {name: model.get_parameter(f"{name}.weight").detach().numpy() for name in LAYERS}


def test_weights_are_few_and_take_few_values(result):
    density = {"conv": 0.5, "fc1": 0.3, "fc2": 0.3}
    for name, weights in weights_of(result.model).items():
        assert np.count_nonzero(weights) == round(density[name] * LAYERS[name])
        assert np.unique(weights).size <= 8  # 3 bits, zero included
        assert not np.signbit(weights[weights == 0]).any()


def test_steps(result):
    assert [step.name for step in result.steps] == ["start", "prune 1", "prune 2", "share"]
    nonzero = [[layer.nonzero for layer in step.layers.values()] for step in result.steps]
    schedule = task.RECIPE.schedule
    half = [round(schedule.density_at(1, d) * n) for d, n in ((0.5, 36), (0.3, 1280), (0.3, 100))]
    assert nonzero == [[36, 1280, 100], half, [18, 384, 30], [18, 384, 30]]
    assert [len(step.losses) for step in result.steps] == [0, 2, 2, 2]
    for step in result.steps:
        assert {layer.bits for layer in step.layers.values()} == {
            3 if step.name == "share" else None
        }
        drifts = [layer.drift for layer in step.layers.values()]
        assert drifts == [0, 0, 0] if step.name == "start" else min(drifts) > 0
    last = result.steps[-1]
    assert last.accuracy == task.accuracy(result.model.eval())
    assert last.layers["fc1"].values == np.unique(weights_of(result.model)["fc1"]).size


def test_the_record_is_json(result):
    document = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert document["recipe"]["bits"] == 3
    assert document["steps"][-1]["layers"]["fc1"]["density"] == 0.3


def test_the_report_has_what_the_layers_take_and_every_step(result):
    report = result.report(samples=200)
    assert report_from_json(report.to_json()) == report
    for name, weights in weights_of(result.model).items():
        assert report.layers[name] == measure(weights, 3)
    assert [step.name for step in report.steps] == [step.name for step in result.steps]
    assert report.steps[-1].accuracy == result.steps[-1].accuracy
    assert report.steps[1].accuracy_untrained == result.steps[1].accuracy_before
    columns = steps_table(report).columns
    assert columns == ("step", "drifts most", "not yet retrained", "accuracy", "drift")


def test_the_given_model_is_left_alone():
    model = task.make_net().eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(9)
    expected = torch.rand(1)
    torch.manual_seed(9)
    result = task.call(model=model)
    assert torch.equal(torch.rand(1), expected)  # so is the caller's randomness
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert list(result.model.state_dict()) == list(before)
    assert not result.model.training
    assert type(result.model.fc1) is torch.nn.Linear


def test_accuracy_is_kept():
    model = task.make_net()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(8):
        for batch in task.make_loader():
            optimizer.zero_grad()
            task.loss(model, batch).backward()
            optimizer.step()
    trained = task.accuracy(model.eval())
    result = task.call(model=model, training=Training(prune_epochs=3, share_epochs=3))
    assert trained > 0.9
    assert result.steps[0].accuracy == trained
    assert result.steps[-1].accuracy > trained - 0.05
    assert result.steps[-1].losses[-1] < result.steps[-1].losses[0]


def test_zeros_of_the_given_model_stay_without_rounds(result):
    shared = task.call(model=result.model, recipe=Recipe(bits=2), training=Training(rounds=0))
    assert [step.name for step in shared.steps] == ["start", "share"]
    before, after = weights_of(result.model), weights_of(shared.model)
    assert all(np.array_equal(before[name] == 0, after[name] == 0) for name in LAYERS)
    assert all(np.unique(weights).size <= 4 for weights in after.values())


def test_zeros_of_the_given_model_stay_in_rounds_too(result):
    kept = task.call(model=result.model, recipe=Recipe(), training=Training(rounds=2))
    before, after = weights_of(result.model), weights_of(kept.model)
    assert all(np.array_equal(before[name] == 0, after[name] == 0) for name in LAYERS)


def test_guards_name_step_and_layer():
    """Whoever opens a mask during training, as this loss does, is found out."""

    def loss(model, batch):
        model.fc1.parametrizations.weight[0].mask[0] = True
        return task.loss(model, batch)

    message = r"^compression step 'prune 1': layer fc1: \d+ zeros became weights; "
    with pytest.raises(GuardError, match=message):
        task.call(loss=loss)


def test_regrown_weights_were_pruned_before():
    recipe = Recipe(density=0.2, schedule=Schedule(steps=1))
    masks = []

    def loss(model, batch):
        masks.append(model.fc1.weight.detach() != 0)
        return task.loss(model, batch)

    training = Training(rounds=2, prune_epochs=3, regrow=True, prune_every=1)
    task.call(recipe=recipe, loss=loss, training=training)
    second = masks[15:30]  # at the final density, chosen again after every batch
    assert {int(mask.sum()) for mask in second} == {256}
    assert any((b & ~a).any() for a, b in pairwise(second))
    masks.clear()
    task.call(recipe=recipe, loss=loss, training=Training(rounds=2, prune_every=1))
    assert not any((b & ~a).any() for a, b in pairwise(masks))


def test_rounds_after_the_schedule_train_the_same_connections():
    recipe = Recipe(density=0.2, schedule=Schedule(steps=1))
    seen = []

    def loss(model, batch):
        seen.append(model.fc1.weight.detach().clone())
        return task.loss(model, batch)

    result = task.call(recipe=recipe, loss=loss, training=Training(rounds=3, share_epochs=0))
    assert [step.layers["fc1"].nonzero for step in result.steps] == [1280, 256, 256, 256, 256]
    assert all(torch.equal(a != 0, b != 0) for a, b in pairwise(seen))
    assert not any(torch.equal(a, b) for a, b in pairwise(seen))


def test_the_loss_sees_the_masked_weights_with_their_gradient():
    """So a penalty on the weights that stay can be part of it."""

    def loss(model, batch):
        weight = model.fc1.weight
        assert int((weight != 0).sum()) == 256
        return task.loss(model, batch) + 1e3 * weight.abs().sum()

    recipe = Recipe(density={"fc1": 0.2}, schedule=Schedule(steps=1))
    small = task.call(recipe=recipe, loss=loss, training=Training(prune_epochs=3))
    large = task.call(recipe=recipe, training=Training(prune_epochs=3))
    norms = [r.model.fc1.weight.abs().sum().item() for r in (small, large)]
    assert norms[0] < 0.5 * norms[1]


def test_methods_over_all_layers_and_balanced():
    everywhere = task.call(recipe=Recipe(density=0.25, method="global"))
    nonzero = {name: np.count_nonzero(w) for name, w in weights_of(everywhere.model).items()}
    assert sum(nonzero.values()) == round(0.25 * sum(LAYERS.values()))
    assert nonzero["fc1"] != round(0.25 * LAYERS["fc1"])

    balanced = task.call(recipe=Recipe(density=0.25, method="balanced"), config=HardwareConfig(5))
    rows = np.count_nonzero(weights_of(balanced.model)["fc1"], axis=1)
    assert [int(rows[pe::5].sum()) for pe in range(5)] == [64] * 5


def test_a_quality_is_a_density_of_the_given_weights():
    result = task.call(recipe=Recipe(quality={"fc1": 1.0}, bits=4))
    weights = weights_of(task.make_net())["fc1"]
    expected = np.count_nonzero(np.abs(weights) >= weights.std())
    assert result.steps[-1].layers["fc1"].nonzero == expected


def test_modes_and_frozen_layers():
    model = task.make_net()
    model.norm.eval()
    model.fc1.weight.requires_grad_(False)
    statistics = model.norm.running_mean.clone()
    result = task.call(model=model)
    assert torch.equal(result.model.norm.running_mean, statistics)
    assert (result.model.training, result.model.norm.training) == (True, False)
    state = result.steps[-1].layers["fc1"]
    assert (state.nonzero, state.values) == (384, 8)
    assert not result.model.fc1.weight.requires_grad


def test_the_compressed_model_compiles_without_loss(result):
    """The compiler finds zeros and values as they are: it prunes and shares nothing more."""
    x = torch.zeros(1, 1, 6, 6)
    mod = eie.compress(eie.from_pytorch(result.model.eval(), x), Recipe(), winograd="never")
    weights = weights_of(result.model)
    for layer in dense_layers(DenseForm()(mod)):
        expected = weights[layer.name].reshape(len(layer.weights), -1)
        assert np.array_equal(np.sort(layer.weights, axis=None), np.sort(expected, axis=None))


def test_a_plain_list_is_a_loader():
    data = torch.Generator().manual_seed(0)
    batches = [(torch.randn(4, 3, generator=data), torch.tensor([0, 1, 0, 1])) for _ in range(2)]
    result = retrain(torch.nn.Linear(3, 2), loss=task.loss, loader=batches, progress=False)
    assert result.recipe == eie.paper_recipe()


def test_progress_is_for_terminals(capfd):
    task.call(progress=True, evaluate=None)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("wanted", [True, False])
def test_progress_on_a_terminal(monkeypatch, wanted):
    terminal = Console(file=io.StringIO(), force_terminal=True, width=100)
    monkeypatch.setattr("eie_backend.compress.torch.retraining.Console", lambda **_: terminal)
    task.call(progress=wanted, evaluate=None)
    shown = terminal.file.getvalue()
    assert ("share, epoch 2 of 2, loss " in shown) == wanted
    assert ("30/30" in shown) == wanted


def test_the_search_for_shared_values_starts_as_the_recipe_says():
    model = task.make_net()
    with torch.no_grad():
        model.fc1.weight.pow_(3)
    given, shared = weights_of(model)["fc1"], []
    for start in ("linear", "density"):
        recipe = Recipe(bits=5, initialization={"fc1": start})
        result = task.call(model=model, recipe=recipe, training=Training(rounds=0, share_epochs=0))
        shared.append(weights_of(result.model)["fc1"])
        assert np.array_equal(shared[-1], share(given, 5, start))
    assert not np.array_equal(*shared)


def test_a_layer_on_the_host_is_trained_with_all_its_weights():
    recipe = Recipe(density=0.3, bits=3, schedule=task.RECIPE.schedule, runs_on={"fc1": "host"})
    found = task.call(recipe=recipe)
    weights = weights_of(found.model)
    assert np.count_nonzero(weights["fc1"]) == LAYERS["fc1"]
    assert np.unique(weights["fc1"]).size > 255
    assert np.unique(weights["fc2"]).size <= 8
    assert {layer for step in found.steps for layer in step.layers} == {"conv", "fc2"}
    assert found.report(samples=200).layers.keys() == {"conv", "fc2"}


def test_a_recipe_that_leaves_nothing_to_the_machine_is_refused():
    with pytest.raises(RecipeError, match="all layers stay on the host"):
        task.call(recipe=Recipe(runs_on="host"))
    with pytest.raises(RecipeError, match="no layer is called 'fc9'"):
        task.call(recipe=Recipe(runs_on={"fc1": "host", "fc9": "host"}))
