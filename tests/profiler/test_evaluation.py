"""Totals are those of `profile`, however the samples are split and whoever counts."""

import json

import numpy as np
import pytest

import eie_backend as eie
from eie_backend.codegen.library import export_library
from eie_backend.errors import InputError
from eie_backend.profiler.evaluation import Library, Shard, evaluate

SAMPLES = 48


@pytest.fixture(scope="module")
def made(make_mlp, tmp_path_factory):
    """Return a library as bytes, samples and labels; batches of 4."""
    path = tmp_path_factory.mktemp("library") / "small.so"
    config = eie.HardwareConfig(num_pe=4)
    # Two functions that take turns on the machine load their weights at each call.
    module = eie.from_onnx(make_mlp(20, 16, 12, 5))
    rng = np.random.default_rng(0)
    x = rng.normal(size=(SAMPLES, 20)).astype(np.float32)
    x[rng.random(x.shape) < 0.3] = 0
    export_library(eie.compile(module, config, recipe=eie.Recipe(0.5), calibration=x), path)
    return path, x, rng.integers(0, 5, SAMPLES)


def split(x, labels, sizes):
    start = 0
    for size in sizes:
        yield Shard({"x": x[start : start + size]}, labels[start : start + size])
        start += size


@pytest.mark.parametrize(
    ("scheduler", "sizes"),
    [
        ("threads", [SAMPLES]),
        ("threads", [4] * 12),
        ("threads", [8, 4, 20, 16]),
        ("processes", [8, 4, 20, 16]),
    ],
)
def test_totals_are_those_of_profile(made, scheduler, sizes):
    path, x, labels = made
    report = eie.profile(path, x)
    found = evaluate(
        Library(path.read_bytes()), split(x, labels, sizes), scheduler=scheduler, workers=2
    )
    assert found.report.to_json() == report.to_json()
    assert found.samples == SAMPLES
    assert found.correct == (report.outputs[0].argmax(-1) == labels).sum()
    assert found.accuracy == found.correct / SAMPLES


def test_engines_count_what_they_can(made):
    path, x, labels = made
    library = Library(path.read_bytes(), "functional")
    found = evaluate(library, split(x, labels, [24, 24]), scheduler="threads")
    assert found.report.to_json() == eie.profile(path, x, "functional").to_json()


def test_without_labels_there_is_no_accuracy(made):
    path, x, _ = made
    found = evaluate(Library(path.read_bytes()), [Shard({"x": x}, None)], scheduler="threads")
    assert found.correct is None and found.accuracy is None
    assert json.loads(json.dumps(found.to_dict()))["samples"] == SAMPLES


def test_progress_counts_samples(made):
    path, x, labels = made
    told = []
    library = Library(path.read_bytes())
    evaluate(library, split(x, labels, [4] * 12), scheduler="threads", told=told.append)
    assert told == [4] * 12


def test_a_shard_that_does_not_fit_is_refused(made):
    path, x, _ = made
    with pytest.raises(InputError, match="shape"):
        evaluate(Library(path.read_bytes()), [Shard({"x": x[:3]}, None)], scheduler="threads")


def test_no_shards_are_refused(made):
    with pytest.raises(InputError, match="no samples"):
        evaluate(Library(made[0].read_bytes()), [], scheduler="threads")
