"""The Python blocks that introduce the package run as they stand."""

import re
import shutil
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_the_first_example_runs(page, tmp_path, monkeypatch, capsys):
    (block, *_) = BLOCK.findall((ROOT / page).read_text("utf-8"))
    shutil.copy(str(files("eie_backend") / "data" / "lenet_300_100.onnx"), tmp_path / "model.onnx")
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).uniform(size=(4, 1, 28, 28)).astype(np.float32)
    names = {"x": x}
    exec(block, names)  # noqa: S102 - a block of our README
    assert [layer.name for layer in names["eie"].profile(names["lib"], x).layers] == [
        "fc1",
        "fc2",
        "fc3",
    ]
