"""`sensitivity`: one layer at a time, resumable."""

import pytest

from eie_backend.compress.findings import Sensitivity, Setting
from eie_backend.errors import RecipeError
from eie_backend.search.evaluator import Evaluator
from eie_backend.search.sensitivity import sensitivity
from eie_backend.search.trials import Trials


@pytest.fixture(scope="session")
def evaluator(small):
    return Evaluator(*small)


def test_each_accuracy_is_that_of_one_layer_compressed(evaluator):
    trials = Trials(evaluator)
    found = sensitivity(trials, (0.5, 0.1), (4, 2))
    assert found.accuracy == evaluator.accuracy({})
    for layer in ("fc1", "fc2"):
        assert list(found.densities[layer]) == [0.5, 0.1]
        assert list(found.bits[layer]) == [4, 2]
        for setting, accuracy in (
            (Setting(0.1), found.densities[layer][0.1]),
            (Setting(bits=2), found.bits[layer][2]),
        ):
            changed = {layer: trials.compressed(layer, setting)}
            assert accuracy == evaluator.accuracy(changed)
        assert found.densities[layer][0.1] < found.accuracy


def test_an_interrupted_scan_goes_on_where_it_was(evaluator, tmp_path, monkeypatch):
    evaluated = []
    accuracy = evaluator.accuracy

    def interrupted(weights):
        if len(evaluated) == 3:
            raise KeyboardInterrupt
        evaluated.append(weights)
        return accuracy(weights)

    whole = sensitivity(Trials(evaluator), (0.5, 0.1), (4,))
    monkeypatch.setattr(evaluator, "accuracy", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sensitivity(Trials(evaluator, cache=tmp_path), (0.5, 0.1), (4,))

    def counted(weights):
        evaluated.append(weights)
        return accuracy(weights)

    monkeypatch.setattr(evaluator, "accuracy", counted)
    assert sensitivity(Trials(evaluator, cache=tmp_path), (0.5, 0.1), (4,)) == whole
    assert len(evaluated) == 1 + 2 * 3


def test_progress_is_told(evaluator):
    told = []
    sensitivity(Trials(evaluator), (0.5,), (4,), lambda *what: told.append(what))
    assert told == [("sensitivity", done, 4) for done in range(5)]


def test_densities_that_empty_a_layer_are_left_out(evaluator):
    found = sensitivity(Trials(evaluator), (0.5, 0.001), ())
    assert (list(found.densities["fc1"]), list(found.densities["fc2"])) == ([0.5, 0.001], [0.5])


def test_impossible_grids(evaluator):
    with pytest.raises(RecipeError, match=r"density\['0'\] = 0 is not .*; bits\['9'\] = 9 is not"):
        sensitivity(Trials(evaluator), (0.5, 0), (4, 9))


def test_the_expected_loss_is_monotone_and_adds_up():
    table = Sensitivity(0.9, {"fc": {0.5: 0.8, 0.25: 0.85, 0.1: 0.7}}, {"fc": {4: 0.91, 3: 0.89}})

    def loss(density, bits=None):
        return round(table.loss("fc", Setting(density, bits)), 6)

    assert [loss(d) for d in (1.0, 0.5, 0.25, 0.1)] == [0, 0.1, 0.1, 0.2]
    assert [loss(1.0, b) for b in (5, 4, 3)] == [0, 0, 0.01]
    assert loss(0.1, 3) == 0.21
