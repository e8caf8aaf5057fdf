"""`CompressionReport`: the paper's columns, and JSON that comes back."""

import json

import numpy as np
import pytest

from eie_backend.compress.report import (
    CompressionReport,
    ReportedStep,
    Simulated,
    paper_columns,
    report_from_json,
)
from eie_backend.recipe import Recipe, Schedule
from eie_backend.search.compress_onnx import OnnxCompression
from eie_backend.search.search import search_trials
from eie_backend.storage.accounting import measure


@pytest.fixture(scope="module")
def report(small_onnx, small):
    _, x, labels = small
    network = OnnxCompression(small_onnx, x, labels)
    found = search_trials(network.trials, 0.15)
    model, steps = network.apply(found.recipe)
    machine = Simulated(0.9, 123.5, 0.154, 7.25, 64, "int16")
    layers = network.storage(model, found.recipe)
    return CompressionReport(
        found.recipe, layers, tuple(steps), 200, {"fc9": "why"}, 5000, 600, machine, found
    )


def test_json_comes_back(report):
    assert report_from_json(report.to_json()) == report


def test_json_without_optional_parts_comes_back():
    recipe = Recipe({"a": 0.5}, schedule={"a": Schedule(1, 2)})
    bare = CompressionReport(recipe, {}, (ReportedStep("retrained", None),), 0)
    assert report_from_json(bare.to_json()) == bare


def test_columns_of_the_papers_example():
    """16 weights of 4 clusters: 3.2 times smaller (Deep Compression, section 3)."""
    row = paper_columns(measure(np.arange(16, dtype=np.float32) % 4, bits=2, index_bits=0))
    assert row["weight_bits"] == 2.0
    assert row["size_pq_percent"] == 100 / 3.2
    assert row["density_percent"] == 75


def test_columns_follow_from_bits(report):
    data = json.loads(report.to_json())
    for name, layer in report.layers.items():
        row = data["layers"][name]
        bits = row["weight_bits_huffman"] + row["index_bits_huffman"]
        stored = bits * layer.entries + layer.fixed_codebook_bits
        assert row["size_pqh_percent"] == pytest.approx(100 * stored / 32 / layer.weights)
        assert row["rate"] == pytest.approx(100 / row["size_pqh_percent"])
        assert row["weight_bits_huffman"] <= row["weight_bits"]
        assert row["size_pqh_percent"] <= row["size_pq_percent"]
