"""Deep Compression's tables: committed results, the shipped files, and the paper's columns."""

import numpy as np
import pytest

from eie_backend.reproduce import fc_storage, lenet
from eie_backend.reproduce.published import deep_compression
from eie_backend.reproduce.result import Value
from eie_backend.reproduce.runs import Runs
from eie_backend.storage.accounting import total
from eie_backend.workloads import Layer

networks = pytest.mark.parametrize("network", lenet.TITLES)


@networks
def test_the_shipped_file_is_the_committed_result(network):
    """Layer by layer and to the bit."""
    found = lenet.committed(network)["rows"][lenet.AS_FLOAT]["layers"]
    layers = lenet.shipped(network)
    for name, stored in {**layers, "all": total(layers.values())}.items():
        row = found[name]
        assert row["weights"] == stored.weights
        assert (row["nonzeros"], row["fillers"]) == (stored.nonzeros, stored.fillers)
        assert row["paper_bits"] == stored.paper_huffman_bits
        assert row["paper_rate_without_huffman"] == round(stored.rate(stored.paper_bits), 1)
        assert row["code_bits_huffman"] == round(stored.per_entry(stored.huffman_code_bits), 3)
        assert row["index_bits_huffman"] == round(stored.per_entry(stored.huffman_index_bits), 3)
    assert found.keys() == {*layers, "all"}


@networks
def test_index_bits_follow_from_the_rounded_rate(network):
    """The committed results have no column for them; the shipped files say what they are."""
    result = lenet.reproduce(network, Runs())
    for name, stored in lenet.shipped(network).items():
        value = result.of("index bits")[f"{lenet.AS_FLOAT}, {name}"]
        assert value.ours == stored.fixed_index_bits / stored.entries


@networks
def test_every_row_is_shown_and_holds(network):
    result = lenet.reproduce(network, Runs())
    rows = lenet.committed(network)["rows"]
    layers = len(deep_compression()[network]["layers"])
    assert not result.failures
    assert set(rows) < {value.item for value in result.values}
    assert len(result.of("P+Q+H")) == len(rows) * layers
    assert result.of("rate P+Q+H")["shipped file"].tolerance == 0


@networks
def test_a_rate_below_the_papers_and_an_error_above_the_floats_fail(network, monkeypatch):
    found = lenet.committed(network)
    row = found["rows"]["as the paper"]
    row["paper_rate"] = deep_compression()[network]["rates"][1] - 0.1
    row["test_error_percent"] = found["float_error_percent"] + 0.01
    monkeypatch.setattr(lenet, "committed", lambda _network: found)
    failed = {(v.item, v.quantity) for v in lenet.reproduce(network, Runs()).failures}
    assert failed == {("as the paper", "rate P+Q+H"), ("as the paper", "error / float's")}


@networks
def test_the_papers_sizes_follow_from_its_columns(network):
    """(weight + index bits) x density, and the codebook: within what rounding and fillers take.

    Densities are whole percents, which is 6 % of 8, and `conv1` is all but incompressible.
    """
    for weights, density, bits, _, index, _, percent, _ in list(
        deep_compression()[network]["layers"].values()
    )[:-1]:
        expected = density * (bits + index) / 32 + 100 * 2**bits / float(weights)
        assert expected == pytest.approx(percent, rel=0.2)


def test_bounds():
    """One-sided: only what is worse than the limit fails."""

    def holds(ours, tolerance, bound):
        return Value("", "", "", ours, 40, tolerance, "why", bound).holds

    assert holds(40, 0.0, "at_least") and holds(60, 0.0, "at_least")
    assert not holds(39.9, 0.0, "at_least") and holds(39.9, 0.01, "at_least")
    assert holds(40, 0.0, "at_most") and holds(20, 0.0, "at_most")
    assert not holds(40.1, 0.0, "at_most") and holds(40.1, 0.01, "at_most")
    assert not holds(60, 0.1, "near") and not holds(20, 0.1, "near")


def test_dense_layers_take_what_the_paper_says():
    result = fc_storage.reproduce(Runs(seed=3))
    assert not result.failures
    assert len(result.of("P+Q")) == 6


def test_fillers_are_what_the_geometric_distribution_says():
    """A gap of g zeros takes g // 16 fillers: q**16 / (1 - q**16) of them per weight."""
    found = fc_storage.reproduce(Runs()).of("fillers")
    for name, density, longest in (("Alex-7", 0.09, 16), ("VGG-7", 0.04, 32)):
        per_weight = (1 - density) ** longest / (1 - (1 - density) ** longest)
        expected = 100 * per_weight / (1 + per_weight)
        assert found[name].ours == pytest.approx(expected, rel=0.02)


def test_a_layer_smaller_than_the_sample(monkeypatch):
    made = Runs()
    codes = np.ones((4, 4), np.uint8)
    layer = Layer("", "", codes, np.zeros(16, np.float32), np.ones(4, np.float32))
    made.__dict__["layers"] = dict.fromkeys(("Alex-6", *lenet.TITLES), layer)
    printed = {"Alex-6": [16, 100, 5, 4, 4, 3, 28.1 + 200, 0]}
    fake = {fc_storage.KEY: {"layers": printed}}
    monkeypatch.setattr(fc_storage, "deep_compression", lambda: fake)
    monkeypatch.setattr(Runs, "note", lambda self: "")
    share = fc_storage.reproduce(made).of("P+Q")["Alex-6"].ours
    assert share == pytest.approx(100 * (16 * 9 + 32 * 32) / (16 * 32))
