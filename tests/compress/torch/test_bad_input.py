"""What is wrong with arguments, data or numbers is said where it is met."""

import pytest

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch", reason="needs the extra `torch`")

import retraining_task as task  # noqa: E402

from eie_backend import Recipe, Schedule  # noqa: E402
from eie_backend.compress.torch import Training  # noqa: E402
from eie_backend.errors import InputError, ModelError, RecipeError, TrainingError  # noqa: E402


def message_of(error, **changes):
    with pytest.raises(error) as caught:
        task.call(**changes)
    return str(caught.value)


@pytest.mark.parametrize(("label", "low", "high"), [(5, 0, 5), (-1, -1, 4)])
def test_labels_out_of_range(label, low, high):
    data = task.Noisy()
    data.labels[50] = label
    loader = torch.utils.data.DataLoader(data, task.SAMPLES // 2)
    assert message_of(InputError, loader=loader) == (
        f"step 'prune 1', epoch 1 of 2, batch 1: the loss failed: Target {label} is out of bounds. "
        f"(this batch's labels run from {low} to {high}); labels must lie in 0 to classes - 1: "
        "correct the data or the model's outputs"
    )


def test_other_errors_of_the_loss_are_the_users():
    def loss(model, batch):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match=r"^mine$"):
        task.call(loss=loss)


def test_a_loss_that_is_no_number(tmp_path):
    batches = iter(range(1, 100))

    def loss(model, batch):
        return task.loss(model, batch) / (next(batches) != 8)

    assert message_of(TrainingError, loss=loss, checkpoints=tmp_path) == (
        "step 'prune 1', epoch 2 of 2, batch 3: the loss is inf; lower the learning rate "
        "(Training.learning_rate_factor, share_learning_rate_factor) and look for faulty data; "
        f"{tmp_path} holds the state before this epoch; other settings are another run, in another "
        "folder"
    )


def test_weights_that_are_no_numbers_are_never_saved():
    batches = iter(range(1, 100))

    def loss(model, batch):
        return task.loss(model, batch) * (1e38 if next(batches) == 5 else 1)

    def optimizer(parameters):
        return torch.optim.SGD(parameters, 1e10)

    message = message_of(TrainingError, loss=loss, optimizer=optimizer, scheduler=None)
    assert message.startswith("step 'prune 1', epoch 1 of 2")


@pytest.mark.parametrize(
    ("loss", "got"),
    [
        (lambda model, batch: 1.0, "float"),
        (lambda model, batch: model(batch[0]), "shape (24, 5)"),
        (lambda model, batch: torch.tensor(1.0), "shape () without gradient"),
    ],
)
def test_a_loss_that_is_no_loss(loss, got):
    assert message_of(InputError, loss=loss) == (
        f"step 'prune 1', epoch 1 of 2, batch 1: loss(model, batch) returned {got}; it must return "
        "a scalar tensor computed from model's outputs"
    )


def test_loaders():
    once = message_of(InputError, loader=iter(task.make_loader()), scheduler=None)
    assert once.startswith("loader: a _SingleProcessDataLoaderIter ends after one epoch; give")
    empty = message_of(InputError, loader=[], scheduler=None)
    assert empty == "step 'prune 1', epoch 1 of 2: the loader has no batches; give it data"

    class Endless:
        def __iter__(self):
            return iter(task.make_loader())

    assert message_of(InputError, loader=Endless()).startswith("loader: a Endless has no length")
    assert task.call(loader=Endless(), scheduler=None).steps[-1].name == "share"


def test_nothing_to_train():
    message = "model: no parameter requires a gradient; set requires_grad of those to train"
    assert message_of(ModelError, model=task.make_net().requires_grad_(False)) == message


def test_an_optimizer_that_is_none():
    message = message_of(InputError, optimizer=lambda parameters: "SGD")
    assert message.startswith("optimizer(parameters) returned a str; it must return a torch.optim")


def test_recipes_that_do_not_fit():
    recipe = Recipe(density={"fc3": 0.5, "fc2": 0.001}, bits={"conv9": 3})
    assert message_of(RecipeError, recipe=recipe) == (
        "recipe: no layer is called 'fc3', 'conv9'; the layers are conv, fc1, fc2; "
        "fc2: density 0.001 keeps none of 100 weights; give at least 0.01"
    )


def test_too_few_rounds_for_the_densities():
    recipe = Recipe(density={"fc1": 0.3, "fc2": 0.5}, schedule={"fc1": Schedule(1, 2)})
    message = message_of(RecipeError, recipe=recipe, training=Training(rounds=2))
    assert message == (
        "recipe: fc1 has density 0.3 only after round 3; fc2 has density 0.5 only after round 4, "
        "but Training.rounds is 2: give more rounds or a shorter schedule"
    )
    done = task.call(recipe=recipe, training=Training(prune_epochs=0, share_epochs=0)).model
    task.call(model=done, recipe=recipe, training=Training(rounds=0))  # it is pruned already


def test_impossible_settings_are_all_named():
    with pytest.raises(TrainingError) as caught:
        Training(rounds=-1, share_epochs=1.5, learning_rate_factor=0, regrow=1, prune_every=0)
    assert str(caught.value) == (
        "impossible Training: rounds = -1 is not an integer of at least 0, or None; "
        "share_epochs = 1.5 is not an integer of at least 0; "
        "learning_rate_factor = 0 is not a number above 0; regrow = 1 is not a bool; "
        "prune_every = 0 is not an integer of at least 1, or None; correct them"
    )
    with pytest.raises(
        TrainingError, match=r"prune_every needs prune_epochs of at least 1; correct them$"
    ):
        Training(prune_epochs=0, prune_every=5)
