"""A sweep of a small network: 24 designs of which each takes a tenth of a second."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest

from eie_backend.cli.sweep_command import read_bench
from eie_backend.sweep import Study, read_spec, sqlite_url

SPEC = {
    "models": {"small": "small.onnx"},
    "data": "digits.npz",
    "hardware": {"num_pe": [2, 4], "fifo_depth": [2, 8], "spmat_width_bits": [32, 64]},
    "recipe": {"density": [0.25, 0.5, 1.0]},
}


@pytest.fixture
def write_spec(make_mlp, tmp_path):
    """Write the specification, with other lines, beside its model and data; return its path."""

    def write(**lines):
        onnx.save(make_mlp(16, 12, 4), tmp_path / "small.onnx")
        rng = np.random.default_rng(1)
        x = rng.normal(size=(32, 16)).astype(np.float32)
        np.savez(tmp_path / "digits.npz", x=x, labels=rng.integers(0, 4, 32))
        path = tmp_path / "small.yaml"
        # JSON is YAML.
        path.write_text(json.dumps({k: v for k, v in {**SPEC, **lines}.items() if v is not None}))
        return path

    return write


@pytest.fixture
def make_bench(write_spec):
    """Return the specification with other lines, and its bench."""

    def make(**lines):
        spec = read_spec(write_spec(**lines))
        return spec, read_bench(spec)

    return make


@pytest.fixture
def open_study(tmp_path):
    """Return a function that opens a study, by default in a file; all are closed at the end."""
    opened = []

    def open_one(name="one", url=None):
        opened.append(Study(url or sqlite_url(tmp_path / "study.db"), name))
        return opened[-1]

    yield open_one
    for study in opened:
        study.close()
