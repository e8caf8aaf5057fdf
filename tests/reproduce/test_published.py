"""The paper's numbers agree with each other where they do, and where not the notes say so."""

import math
from statistics import geometric_mean, mean

import pytest

from eie_backend.reproduce.figure_6 import DENSE
from eie_backend.reproduce.published import published
from eie_backend.workloads import TABLE_III

LAYERS = published()["table_4"]["layers"]
ACTUAL = published()["table_4"]["actual"]
BASELINES = published()["table_4"]["baselines"]
CONTRADICT = {"NT-We", "NT-LSTM"}


def test_table_iii_is_what_the_generator_makes():
    for name, (inputs, outputs, weights, acts, _) in published()["table_3"].items():
        shape = TABLE_III[name]
        assert (shape.inputs, shape.outputs) == (inputs, outputs)
        assert shape.weight_density == pytest.approx(weights / 100)
        assert shape.act_density == pytest.approx(acts / 100)


def test_table_i_relates_to_an_add():
    paper = published()["table_1"]
    for key, pj in paper["energy_pj"].items():
        assert pj / paper["energy_pj"]["int32_add"] == pytest.approx(paper["relative"][key])


def test_table_ii_adds_up():
    paper = published()["table_2"]
    for rows in (paper["modules"].values(), paper["components"].values()):
        watt, _, area, _ = (math.fsum(column) for column in zip(*rows, strict=True))
        assert watt == pytest.approx(paper["total"][0], abs=0.0015)  # last digits are rounded
        assert area in (638024, 638024 - 23961)  # filler cells are listed with the modules


def test_table_v_follows_from_table_iv():
    area, watt, frames, per_area, per_joule = published()["table_5"]["small"]
    assert frames == pytest.approx(1e6 / ACTUAL[LAYERS.index("Alex-7")], abs=1)
    assert per_area == pytest.approx(frames / area, abs=1)
    assert per_joule == pytest.approx(frames / watt, rel=1e-3)
    small, large = published()["table_5"]["small"], published()["table_5"]["large"]
    assert large[1] == pytest.approx(4 * small[1])
    assert large[2] / small[2] == pytest.approx(5.20, abs=0.005)  # the text says 3.25


@pytest.mark.parametrize("name", LAYERS)
def test_figure_6_follows_from_table_iv_but_for_two_layers(name):
    n = LAYERS.index(name)
    speedup = BASELINES["CPU"][DENSE][n] / ACTUAL[n]
    label = published()["figure_6"]["labels"]["EIE"][n]
    agrees = label == pytest.approx(speedup, rel=0.01)
    assert agrees == (name not in CONTRADICT)


@pytest.mark.parametrize(
    ("series", "platform", "matrix"),
    [
        ("CPU compressed", "CPU", "sparse, batch 1"),
        ("GPU dense", "GPU", "dense, batch 1"),
        ("GPU compressed", "GPU", "sparse, batch 1"),
        ("mGPU dense", "mGPU", "dense, batch 1"),
        ("mGPU compressed", "mGPU", "sparse, batch 1"),
    ],
)
def test_other_bars_of_figure_6_follow_from_table_iv(series, platform, matrix):
    ratios = [
        cpu / other
        for cpu, other in zip(BASELINES["CPU"][DENSE], BASELINES[platform][matrix], strict=True)
    ]
    digits = 1 if series == "mGPU dense" else 0
    rounding = 0.51 * 10**-digits
    labels = published()["figure_6"]["labels"][series]
    assert [*ratios, geometric_mean(ratios)] == pytest.approx(labels, abs=rounding)


@pytest.mark.parametrize(("platform", "mean_of_nine"), [("CPU", 194), ("GPU", 13.2), ("mGPU", 314)])
def test_means_computed_from_table_iv(platform, mean_of_nine):
    ratios = [a / b for a, b in zip(BASELINES[platform][DENSE], ACTUAL, strict=True)]
    assert geometric_mean(ratios) == pytest.approx(mean_of_nine, rel=0.003)


def test_figure_7_is_deep_compressions_power_over_0_6_watt():
    paper = published()["figure_7"]
    for n, watt in enumerate(paper["watt"]["CPU"]):
        joule_ratio = watt * BASELINES["CPU"][DENSE][n] / (paper["eie_watt"] * ACTUAL[n])
        assert round(joule_ratio) == paper["labels"]["EIE"][n]
        for platform in ("GPU", "mGPU"):
            other = paper["watt"][platform][n] * BASELINES[platform][DENSE][n]
            ratio = watt * BASELINES["CPU"][DENSE][n] / other
            assert ratio == pytest.approx(paper["labels"][f"{platform} dense"][n], abs=0.51)
    assert geometric_mean(paper["labels"]["EIE"][:-1]) == pytest.approx(24207, abs=1)


def test_actual_is_longer_than_theoretical_by_more_than_the_text_says():
    theoretical = published()["table_4"]["theoretical"]
    assert mean(a / t for a, t in zip(ACTUAL, theoretical, strict=True)) == pytest.approx(
        1.16, abs=0.005
    )
