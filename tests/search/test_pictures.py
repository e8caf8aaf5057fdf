"""Pictures say what they show, with units, and are the same for the same report."""

import re
import sys

import pytest

from eie_backend.compress.report import CompressionReport
from eie_backend.errors import ExtraError
from eie_backend.search import pictures
from eie_backend.search.compress_onnx import OnnxCompression
from eie_backend.search.search import search_trials


@pytest.fixture(scope="module")
def compressed(small_onnx, small):
    """Return a report, and weights before and after."""
    _, x, labels = small
    network = OnnxCompression(small_onnx, x, labels)
    found = search_trials(network.trials, 0.15)
    model, steps = network.apply(found.recipe)
    layers = network.storage(model, found.recipe)
    report = CompressionReport(found.recipe, layers, tuple(steps), 200, search=found)
    return report, network.trials.weights, network.weights(model)


def texts(svg):
    return set(re.findall(r"<text[^>]*>([^<]+)</text>", svg.decode()))


def test_pictures_say_what_they_show(compressed):
    pytest.importorskip("matplotlib", reason="needs the extra `viz`")
    drawn = pictures.pictures(*compressed)
    assert list(drawn) == ["weights.svg", "codebooks.svg", "sensitivity.svg", "pareto.svg"]
    assert {"fc1", "fc2", "weights", "value of a non-zero weight"} <= texts(drawn["weights.svg"])
    assert {"shared value", "weights"} <= texts(drawn["codebooks.svg"])
    assert {"density of the layer (%)", "bits of the layer's codes", "accuracy (%)"} <= texts(
        drawn["sensitivity.svg"]
    )
    assert {"size of the layers (kB)", "simulated cycles per sample", "chosen"} <= texts(
        drawn["pareto.svg"]
    )
    assert pictures.pictures(*compressed) == drawn


def test_other_forms_and_reports_without_a_search(compressed):
    pytest.importorskip("matplotlib", reason="needs the extra `viz`")
    report, before, after = compressed
    bare = CompressionReport(report.recipe, report.layers, report.steps, 200)
    drawn = pictures.pictures(bare, before, after, "png")
    assert list(drawn) == ["weights.png", "codebooks.png"]
    assert all(image.startswith(b"\x89PNG") for image in drawn.values())


def test_the_pareto_front():
    import numpy as np

    cost = np.array([5.0, 1.0, 3.0, 3.0, 4.0])
    accuracy = np.array([9.0, 1.0, 2.0, 3.0, 3.0])
    assert pictures._pareto(cost, accuracy) == [1, 3, 0]


def test_without_matplotlib(compressed, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ExtraError) as error:
        pictures.pictures(*compressed)
    assert str(error.value) == "pictures need Matplotlib: pip install '.[viz]' in eie's checkout"
