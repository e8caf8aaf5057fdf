"""The exact figures of the committed results are what the code gives now: all, or samples."""

import json
from pathlib import Path

import accumulator_bits
import compress_speed
import engines
import growth
import huffman
import load_balance
import pytest
import simulator
import sparse_pays

from eie_backend.workloads import TABLE_III, generate

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


def exact(name):
    return json.loads((RESULTS / f"{name}.json").read_text("utf-8"))["exact"]


@pytest.mark.parametrize("benchmark", [compress_speed, huffman], ids=lambda b: b.__name__)
def test_all(benchmark):
    assert benchmark.exact() == exact(benchmark.__name__)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("benchmark", [engines, simulator], ids=lambda b: b.__name__)
def test_all_with_the_published_alex8(benchmark, alex8):
    assert benchmark.exact() == exact(benchmark.__name__)


@pytest.mark.parametrize("name", ["Alex-7", "VGG-8", "NT-We", "NT-Wd", "NT-LSTM"])
def test_layers_of_sparse_pays(name):
    assert sparse_pays.on_eie(generate(TABLE_III[name])) == exact("sparse_pays")["layers"][name]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("density", ["0.01", "1.0"])
def test_densities_of_sparse_pays(density):
    layer = generate(sparse_pays.at(float(density)))
    assert sparse_pays.on_eie(layer) == exact("sparse_pays")["densities"][density]


@pytest.mark.parametrize(
    ("varied", "value"), [("weights", 512**2), ("density", 0.03), ("pes", 4), ("batch", 16)]
)
def test_points_of_growth(varied, value):
    point = growth.Point(**{varied: value})
    _, figures = growth.ways(point, "batch")  # what else is timed has no part in them
    assert figures == exact("growth")[varied][str(value)]


def test_a_layer_of_load_balance():
    seed = list(TABLE_III).index("NT-LSTM")
    committed = exact("load_balance")["NT-LSTM rows log-normal 0.07"]
    assert load_balance.table_iii("NT-LSTM", 0.07, seed) == committed


@pytest.mark.nightly
def test_alex8_of_load_balance(alex8):
    assert load_balance.real_alex8() == exact("load_balance")["Alex-8 as published"]


@pytest.mark.nightly
def test_a_row_of_accumulator_bits(mnist):
    committed = exact("accumulator_bits")["rows"][-1]
    assert accumulator_bits.row(committed["density"]) == committed
