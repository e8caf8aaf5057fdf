"""Campaigns: what becomes of answers, counted beside runs by hand."""

import numpy as np
import pytest

import eie_backend as eie
from eie_backend.errors import ConfigError, InputError
from eie_backend.machine.choices import UNIT
from eie_backend.profiler import profile_runner
from eie_backend.simulator.runner import Runner
from eie_backend.soft_errors import BitFlip, Campaign, strike, striking
from eie_backend.soft_errors.campaign import OUTCOMES, _Answers, check_campaign
from eie_backend.soft_errors.picture import draw_faults

INPUTS = 32


@pytest.fixture(scope="module")
def runner(make_mlp):
    return Runner(eie.compile(eie.from_onnx(make_mlp(24, 16, 10, batch=8))))


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(1).normal(size=(INPUTS, 24)).astype(np.float32)


@pytest.fixture(scope="module")
def labels(runner, x):
    """Return the machine's own answers, but for the first four."""
    (first,) = zip(*(runner.call(batch) for batch in runner.calls(x)), strict=True)
    found = np.concatenate(first).argmax(axis=1)
    found[:4] = (found[:4] + 1) % 10
    return found


@pytest.fixture(scope="module")
def campaign(runner, x, labels):
    return Campaign(runner, x, labels, seed=10)


def outputs(runner, x):
    return np.concatenate([runner.call(batch)[0] for batch in runner.calls(x)])


def test_nothing_happens_without_flips(campaign):
    for unit in UNIT.values:
        row = campaign.at_rate(unit, "none", 0.0, 2)
        assert (row.masked, row.different, row.accuracy) == (1, 0, 28 / 32)
        assert row.words_corrected + row.words_detected + row.words_unnoticed == 0


@pytest.mark.parametrize("protection", ["none", "parity", "secded"])
@pytest.mark.parametrize("unit", UNIT.values)
def test_the_four_outcomes_are_all_inputs(campaign, unit, protection):
    for rate in (1e-4, 1e-2):
        row = campaign.at_rate(unit, protection, rate, 3)
        assert sum(getattr(row, name) for name in OUTCOMES) == pytest.approx(1)
        assert row.silent_interval[0] <= row.silent <= row.silent_interval[1]
        assert row.accuracy_interval[0] <= row.accuracy <= row.accuracy_interval[1]
        assert row.silent <= row.different
        if protection == "none":
            assert row.detected == row.corrected == row.words_detected == 0


def test_trials_of_memory_are_runs_of_struck_programs(runner, x, labels, campaign):
    row = campaign.at_rate("codebook", "none", 0.05, 3)
    before, silent, right = outputs(runner, x), 0, 0
    for seed in (10, 11, 12):
        damaged = [strike(p, {"codebook": 0.05}, seed).program for p in runner.programs]
        with striking(damaged):
            after = outputs(runner, x)
        silent += (after.argmax(axis=1) != before.argmax(axis=1)).sum()
        right += (after.argmax(axis=1) == labels).sum()
    assert silent > 0
    assert row.silent == pytest.approx(silent / 3 / INPUTS)
    assert row.accuracy == pytest.approx(right / 3 / INPUTS)


def test_inputs_with_a_detected_word_keep_their_answer(runner, x, campaign):
    row = campaign.at_rate("act", "parity", 3e-4, 1)
    with striking(rates={"act": 3e-4}, seed=10, protection="parity") as strikes:
        outputs(runner, x)
    (words,) = strikes.words.values()
    assert 0 < row.detected < 1
    assert row.detected == np.count_nonzero(words[:, 1]) / INPUTS
    assert row.words_detected == words[:, 1].sum()
    assert row.accuracy == campaign.accuracy


def test_a_detected_word_of_a_memory_saves_all_answers(campaign):
    row = campaign.at_rate("ptr", "parity", 0.01, 2)
    assert (row.detected, row.silent, row.different) == (1, 0, 0)
    assert row.accuracy == campaign.accuracy


def test_a_list_is_one_trial(campaign, runner):
    flips = [BitFlip("act", (len(runner.programs[0].steps) - 1, 0), 14, input=3)]
    row = campaign.listed("none", flips)
    assert (row.unit, row.rate, row.trials) == ("listed", None, 1)
    assert row.different == 1 / INPUTS
    assert campaign.listed("secded", flips).corrected == 1 / INPUTS


def test_the_same_seed_gives_the_same_row(runner, x, labels):
    rows = [
        Campaign(runner, x, labels, seed).at_rate("act_queue", "secded", 1e-2, 2)
        for seed in (1, 1, 2)
    ]
    assert rows[0] == rows[1] != rows[2]


def test_labels_are_optional(runner, x):
    campaign = Campaign(runner, x)
    row = campaign.at_rate("act", "none", 1e-2, 1)
    assert campaign.accuracy is row.accuracy is row.accuracy_interval is None
    assert row.silent > 0


def test_labels_that_do_not_fit_are_refused(runner, x, labels):
    with pytest.raises(InputError, match=r"labels: shape \(5,\), expected \(32,\)"):
        Campaign(runner, x, labels[:5])


def test_results_that_belong_to_no_input_are_refused():
    with pytest.raises(InputError, match="results of 3 values for 2 inputs: not as many of each"):
        _Answers([[np.zeros((2, 2)), np.zeros(3)]], 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"units": ["spmat", "dram"]}, "units: dram; choose some of spmat, ptr"),
        ({"units": []}, "units: none; choose some of"),
        ({"protections": ["ecc"]}, "protection 'ecc' is unknown; choose one of none, parity"),
        ({"protections": []}, "protections: none is named"),
        ({"rates": []}, "rates: none; give"),
        ({"rates": [1e-3, 2, float("nan")]}, "rates: 2, nan; give 0 or probabilities"),
        ({"trials": 0}, "trials = 0, seed = 0; give 1..1000000 trials"),
        ({"seed": -1}, "seed = -1; give"),
    ],
)
def test_impossible_campaigns_are_refused(change, message):
    good = {"rates": [1e-3], "units": ["spmat"], "protections": ["none"], "trials": 1, "seed": 0}
    check_campaign(**good)
    with pytest.raises(ConfigError, match=message):
        check_campaign(**good | change)


def test_check_bits_cost_energy_and_area(campaign):
    none, parity, secded = campaign.costs(["none", "parity", "secded"])
    report = profile_runner(campaign._runner, campaign._calls[0][0])
    expected = sum(layer.nanojoule_per_sample for layer in report.layers)
    assert none.nanojoule_per_input == pytest.approx(expected)
    assert none.area_mm2 == pytest.approx(report.area_mm2)
    assert none.nanojoule_per_input < parity.nanojoule_per_input < secded.nanojoule_per_input
    assert none.area_mm2 < parity.area_mm2 < secded.area_mm2


def test_the_picture_has_a_line_for_each_unit_and_a_column_for_each_protection(campaign):
    pytest.importorskip("matplotlib")
    rows = [
        campaign.at_rate(unit, protection, rate, 2)
        for protection in ("none", "secded")
        for unit in ("ptr", "act")
        for rate in (1e-3, 1e-2)
    ]
    figure = draw_faults(rows, campaign.accuracy)
    titles = [axes.get_title() for axes in figure.axes[:2]]
    assert titles == ["protection: none", "protection: secded"]
    (accuracy, *_) = figure.axes
    drawn = [
        line
        for line in accuracy.lines
        if len(line.get_xdata()) == 2 and line.get_marker() != "None"
    ]
    assert [line.get_label() for line in drawn] == ["ptr", "act"]
    assert drawn[1].get_ydata() == pytest.approx([100 * row.accuracy for row in rows[2:4]])
    assert len(draw_faults(rows[:4], None).axes) == 1
