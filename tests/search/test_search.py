"""`search`: the cheapest recipe within the accuracy budget that a greedy walk can find."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from eie_backend import HardwareConfig, compile, compress, profile
from eie_backend.compress.findings import Setting
from eie_backend.errors import ExtraError, RecipeError
from eie_backend.search.costs import Costs, layer_inputs
from eie_backend.search.evaluator import Evaluator
from eie_backend.search.search import search, search_trials
from eie_backend.search.sensitivity import DENSITIES
from eie_backend.search.trials import Trials, recipe_of
from eie_backend.storage.accounting import measure
from eie_backend.transform.layers import dense_layers

MACHINE = HardwareConfig(num_pe=4)


@pytest.fixture(scope="session")
def evaluator(small):
    return Evaluator(*small)


@pytest.fixture(scope="session", params=["size", "cycles"])
def found(request, evaluator):
    return search_trials(Trials(evaluator, config=MACHINE), 0.15, request.param)


def value(found, cost):
    return cost.bytes if found.objective == "size" else cost.cycles


def test_the_best_keeps_the_accuracy_and_costs_less(found, evaluator):
    trials = Trials(evaluator, config=MACHINE)
    weights = {name: trials.compressed(name, s) for name, s in found.best.trial.items()}
    assert evaluator.accuracy(weights) == found.best.accuracy >= found.least_accuracy
    assert found.least_accuracy == found.dense.accuracy - 0.15
    assert value(found, found.best.cost) < value(found, found.points[0].cost)
    affordable = [p for p in found.points if p.accuracy >= found.least_accuracy]
    assert found.best == min(affordable, key=lambda p: value(found, p.cost))


def test_no_single_step_on_the_grid_is_affordable(found, evaluator):
    trials = Trials(evaluator, config=MACHINE)
    costs = Costs(trials)
    for name, setting in found.best.trial.items():
        lower = max((d for d in DENSITIES if d < setting.density), default=None)
        if lower is not None:
            step = {**found.best.trial, name: replace(setting, density=lower)}
            gains = value(found, costs.total(step)) < value(found, found.best.cost)
            assert not gains or trials.accuracy(step) < found.least_accuracy


def test_the_recipe_gives_the_weights_that_were_tried(found, small, evaluator):
    trials = Trials(evaluator, config=MACHINE)
    layers = dense_layers(compress(small[0], found.recipe, "never", MACHINE))
    assert [layer.name for layer in layers] == list(found.best.trial)
    for layer in layers:
        expected = trials.compressed(layer.name, found.best.trial[layer.name])
        np.testing.assert_array_equal(layer.weights, expected)


def test_estimated_cycles_are_those_of_the_machine(small, evaluator):
    """Over the same inputs, in float32, where the activations' zeros are the same."""
    mod, x, labels = small
    few = Trials(Evaluator(mod, x[:50], labels[:50]), config=MACHINE)
    trial = {"fc1": Setting(0.3, 4), "fc2": Setting(1.0, 4)}
    lib = compile(mod, MACHINE, recipe=recipe_of(trial, "magnitude"), arithmetic="float32")
    cycles = {layer.name: layer.cycles_per_sample for layer in profile(lib, x[:50]).layers}
    costs = Costs(few)
    assert costs.of("fc1", trial["fc1"]).cycles == cycles["fc1"]
    # It reads what the first layer gave before that was pruned.
    assert costs.of("fc2", trial["fc2"]).cycles == pytest.approx(cycles["fc2"], rel=0.1)


def test_bytes_are_those_of_the_container(evaluator):
    trials = Trials(evaluator, config=MACHINE)
    setting = Setting(0.5, 3)
    stored = measure(trials.compressed("fc1", setting), 3)
    assert Costs(trials).of("fc1", setting).bytes == stored.stored_bytes
    assert Costs(trials).of("fc1", Setting(0.5)).bytes == 4 * 32 * 24


def test_layers_read_what_they_read(evaluator, small):
    _, x, _ = small
    inputs = layer_inputs(evaluator)
    seen, vectors = inputs["fc1"]
    assert (len(seen), vectors) == (200, 1.0)
    assert {row.tobytes() for row in seen} <= {row.tobytes() for row in x}
    weights = {layer.name: layer.weights for layer in dense_layers(evaluator.module)}
    assert inputs["fc2"][0].shape == (200, weights["fc2"].shape[1])
    assert inputs["fc2"][0].min() == 0


def test_it_is_deterministic_and_goes_on_from_its_cache(evaluator, tmp_path, monkeypatch):
    first = search_trials(Trials(evaluator, cache=tmp_path, config=MACHINE), 0.15)
    assert search_trials(Trials(evaluator, config=MACHINE), 0.15) == first

    def fail(_weights):
        raise AssertionError("evaluated again")

    monkeypatch.setattr(evaluator, "accuracy", fail)
    assert search_trials(Trials(evaluator, cache=tmp_path, config=MACHINE), 0.15) == first


def test_from_a_module(small):
    found = search(*small, 0.15, "cycles", MACHINE, method="balanced")
    assert found.recipe.method == "balanced"
    assert found.best.cost.cycles < found.dense.cost.cycles


def test_a_budget_that_cannot_be_kept(small, monkeypatch):
    mod, x, labels = small

    def metric(scores, _labels):
        return 0.9 if np.array_equal(scores, reference) else 0.5

    reference = Evaluator(mod, x, labels).scores({})
    with pytest.raises(RecipeError) as error:
        search(mod, x, labels, 0.1, config=MACHINE, metric=metric)
    assert str(error.value) == (
        "no recipe keeps the accuracy: 90.00% may fall by 10 points, but with all layers shared "
        "at 4 bits it is at best 50.00%; allow a larger drop, a machine with more codebook_bits, "
        "or retrain (eie_backend.compress.torch)"
    )


def test_impossible_arguments(small):
    with pytest.raises(RecipeError) as error:
        search(*small, float("nan"), "speed")
    assert str(error.value) == (
        "search: objective 'speed' is unknown; choose one of size, cycles; max_drop is nan, it "
        "must be a number of at least 0"
    )


def test_optuna_goes_further_and_repeats_itself(evaluator):
    pytest.importorskip("optuna", reason="needs the extra `explore`")
    greedy = search_trials(Trials(evaluator, config=MACHINE), 0.15)
    found = [search_trials(Trials(evaluator, config=MACHINE), 0.15, explore=20) for _ in range(2)]
    assert found[0] == found[1]
    assert found[0].points[: len(greedy.points)] == greedy.points
    assert len(found[0].points) == len(greedy.points) + 20
    assert found[0].best.cost.bytes <= greedy.best.cost.bytes
    assert found[0].best.accuracy >= found[0].least_accuracy


def test_without_optuna(small, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ExtraError) as error:
        search(*small, 0.15, config=MACHINE, explore=5)
    assert str(error.value) == (
        "the search with Optuna needs Optuna: pip install '.[explore]' in eie's checkout"
    )
