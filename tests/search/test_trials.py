"""`Trials` and `Cache`: an accuracy is found once, and outlives its run."""

import json
import os

import numpy as np
import pytest

from eie_backend import HardwareConfig
from eie_backend.compress.findings import Setting
from eie_backend.compress.prune import prune
from eie_backend.compress.share_weights import share
from eie_backend.errors import ModelError, RecipeError
from eie_backend.recipe import Recipe
from eie_backend.search.cache import Cache
from eie_backend.search.evaluator import Evaluator
from eie_backend.search.trials import Trials, recipe_of

TRIAL = {"fc1": Setting(0.5, 4), "fc2": Setting(1.0, 2)}


@pytest.fixture(scope="session")
def evaluator(small):
    return Evaluator(*small)


def no_more(monkeypatch, evaluator):
    """Let every further evaluation fail."""

    def fail(_weights):
        raise AssertionError("evaluated again")

    monkeypatch.setattr(evaluator, "accuracy", fail)


def test_weights_are_pruned_and_then_shared(evaluator):
    trials = Trials(evaluator)
    weights = trials.weights["fc1"]
    np.testing.assert_array_equal(trials.compressed("fc1", Setting(0.5)), prune(weights, 0.5))
    np.testing.assert_array_equal(
        trials.compressed("fc1", Setting(0.5, 3)), share(prune(weights, 0.5), 3)
    )
    np.testing.assert_array_equal(trials.compressed("fc1", Setting()), weights)


def test_pruned_weights_are_positive_zeros(evaluator):
    assert not np.signbit(Trials(evaluator).compressed("fc1", Setting(0.1)) * 0 + 0.0).any()
    pruned = Trials(evaluator).compressed("fc1", Setting(0.1))
    assert not np.signbit(pruned[pruned == 0]).any()


def test_balanced_weights_are_alike_in_every_pe(evaluator):
    trials = Trials(evaluator, method="balanced", config=HardwareConfig(num_pe=4))
    kept = trials.compressed("fc1", Setting(0.25)) != 0
    assert [int(kept[pe::4].sum()) for pe in range(4)] == [48] * 4


def test_an_accuracy_is_found_once(evaluator, monkeypatch):
    trials = Trials(evaluator)
    found = trials.accuracy(TRIAL)
    no_more(monkeypatch, evaluator)
    assert trials.accuracy(dict(reversed(TRIAL.items()))) == found


def test_a_cache_outlives_its_run(evaluator, monkeypatch, tmp_path):
    found = Trials(evaluator, cache=tmp_path / "cache").accuracy(TRIAL)
    no_more(monkeypatch, evaluator)
    assert Trials(evaluator, cache=tmp_path / "cache").accuracy(TRIAL) == found
    with pytest.raises(AssertionError):
        Trials(evaluator, cache=tmp_path / "cache", method="balanced").accuracy(TRIAL)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("0.", "1."),
        lambda _: "",
        lambda _: "[]",
        lambda _: '{"numbers": 3, "sha256": ""}',
        lambda _: "\x00\xff",
    ],
)
def test_a_damaged_cache_counts_as_empty(tmp_path, damage):
    cache = Cache(tmp_path, "abc")
    cache.put("one", 0.25)
    assert Cache(tmp_path, "abc").get("one") == 0.25
    cache.path.write_bytes(damage(cache.path.read_text()).encode("latin-1"))
    again = Cache(tmp_path, "abc")
    assert again.get("one") is None
    again.put("two", 0.5)
    assert Cache(tmp_path, "abc").get("two") == 0.5


def test_a_full_disk_keeps_the_old_cache(tmp_path, monkeypatch):
    cache = Cache(tmp_path, "abc")
    cache.put("one", 0.25)

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(ModelError) as error:
            cache.put("two", 0.5)
    assert str(error.value) == (
        f"{cache.path}: cannot be written: No space left on device; make room and run again: what "
        "was found so far is kept"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["abc.json"]
    assert json.loads(cache.path.read_text())["numbers"] == {"one": 0.25}


def test_a_density_that_empties_a_layer(evaluator):
    trials = Trials(evaluator)
    assert trials.keeps_one("fc2", 0.51 / 320)
    assert not trials.keeps_one("fc2", 0.49 / 320)


def test_a_method_that_looks_at_all_layers(evaluator):
    with pytest.raises(RecipeError) as error:
        Trials(evaluator, method="global")
    assert str(error.value) == (
        "method 'global' cannot be tried layer by layer; use magnitude or balanced"
    )


def test_the_recipe_of_a_trial():
    assert recipe_of(TRIAL, "balanced") == Recipe(
        {"fc1": 0.5, "fc2": 1.0}, {"fc1": 4, "fc2": 2}, method="balanced"
    )
