"""What a search does not evaluate could not have been chosen."""

import itertools
from importlib.resources import files

import pytest

from eie_backend import HardwareConfig, from_onnx
from eie_backend.cli.demo import BATCH, digits
from eie_backend.compress.findings import Setting
from eie_backend.machine.choices import OBJECTIVE
from eie_backend.pruning.methods import LAYERWISE_METHODS
from eie_backend.search.costs import MARGIN, Costs
from eie_backend.search.evaluator import Evaluator
from eie_backend.search.greedy import Walk
from eie_backend.search.search import search_trials
from eie_backend.search.sensitivity import DENSITIES
from eie_backend.search.trials import Trials

MACHINE = HardwareConfig(num_pe=4)


@pytest.fixture(scope="session")
def evaluator(small):
    return Evaluator(*small)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("objective", OBJECTIVE.values)
def test_the_walk_finds_the_same_with_fewer_evaluations(evaluator, objective, monkeypatch):
    found = search_trials(Trials(evaluator, config=MACHINE), 0.15, objective)
    monkeypatch.setattr(Walk, "saves", lambda *_: True)
    everything = search_trials(Trials(evaluator, config=MACHINE), 0.15, objective)
    assert found.best == everything.best
    tried = [point.trial for point in found.points]
    assert len(tried) <= len(everything.points)
    left = iter(point.trial for point in everything.points)
    assert all(trial in left for trial in tried)  # the same, in the same order


def test_optuna_leaves_out_what_costs_no_less(evaluator, monkeypatch):
    pytest.importorskip("optuna", reason="needs the extra `explore`")
    proposed = []
    score = Walk.score

    def recorded(walk, trial):
        before, evaluated = walk.best, len(walk.points)
        found = score(walk, trial)
        proposed.append((trial, before, len(walk.points) > evaluated))
        return found

    monkeypatch.setattr(Walk, "score", recorded)
    found = search_trials(Trials(evaluator, config=MACHINE), 0.02, "cycles", explore=60)
    costs = Costs(Trials(evaluator, config=MACHINE))
    left_out = [(trial, before) for trial, before, evaluated in proposed if not evaluated]
    assert left_out
    for trial, before in left_out:
        assert costs.total(trial).cycles >= before.cost.cycles
    assert found.best.accuracy >= found.least_accuracy


@pytest.mark.parametrize("num_pe", [4, 16, 64])
@pytest.mark.parametrize("method", LAYERWISE_METHODS)
def test_the_model_with_its_margin_is_below_the_simulated_cycles(evaluator, method, num_pe):
    trials = Trials(evaluator, config=HardwareConfig(num_pe=num_pe), method=method)
    costs = Costs(trials)
    for name, density in itertools.product(trials.layers, (1.0, *DENSITIES)):
        if trials.keeps_one(name, density):
            trial = {name: Setting(density, 4)}
            assert 0 < costs.least_cycles(trial) <= costs.of(name, trial[name]).cycles


@pytest.mark.nightly
@pytest.mark.parametrize("network", ["lenet_300_100", "lenet_5"])
def test_the_margin_holds_for_the_shipped_networks(network):
    images, labels = digits()
    model = from_onnx(files("eie_backend") / "data" / f"{network}.onnx", {"batch": BATCH})
    evaluator = Evaluator(model, images, labels)
    ratios = []
    for method, num_pe in itertools.product(LAYERWISE_METHODS, (16, 64)):
        trials = Trials(evaluator, config=HardwareConfig(num_pe=num_pe), method=method)
        costs = Costs(trials)
        for name, density in itertools.product(trials.layers, (1.0, *DENSITIES)):
            if trials.keeps_one(name, density):
                trial = {name: Setting(density, 4)}
                exact = costs.of(name, trial[name]).cycles
                ratios.append(costs.least_cycles(trial) * MARGIN / exact)
    # Far from what the margin forgives, so that another network may be worse.
    assert len(ratios) > 100
    assert max(ratios) < 1.2


def test_the_model_alone_refuses_what_takes_far_too_long(evaluator, monkeypatch):
    trials = Trials(evaluator, config=MACHINE)
    result = search_trials(trials, 0.15, "cycles")
    walk = Walk(
        trials, costs := Costs(trials), result.sensitivity, "cycles", result.least_accuracy, [4],
        lambda *_: None,
    )  # fmt: skip
    walk.best = result.best
    monkeypatch.setattr(trials, "compressed", None)  # neither pruned, shared nor simulated
    dense = {name: Setting(1.0, 4) for name in trials.layers}
    assert costs.least_cycles(dense) > result.best.cost.cycles
    assert walk.score(dense) > result.best.cost.cycles
    assert len(walk.points) == 1
