"""Models and inputs of others that ended the process, or read memory from elsewhere, by command."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

CASES = Path(__file__).parents[3] / "shared" / "cases" / "untrusted"
EIE = Path(sys.executable).with_name("eie")

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason=f"there is no {CASES.name}/ of cases")


def eie(*words, folder):
    done = subprocess.run(
        [EIE, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=600
    )
    return done.returncode, done.stdout, done.stderr


def written(script, folder):
    subprocess.run([sys.executable, CASES / script, folder], check=True)
    return sorted(path.name for path in folder.glob("*.onnx"))


@pytest.mark.parametrize("every", [6, pytest.param(1, marks=pytest.mark.nightly)])
def test_constant_indices(every, tmp_path):
    models = written("constant_indices.py", tmp_path)
    assert len(models) >= 13
    models = models[::every]
    data = {"x": np.ones((8, 4), np.float32), "labels": np.zeros(8, np.int64)}
    np.savez(tmp_path / "data.npz", **data)
    commands = [["explain"]] * len(models)
    commands[:2] = [["compile", "-o", "m.so"], ["compress", "-o", "m.eiez", "--data", "data.npz"]]
    for model, (command, *options) in zip(models, commands, strict=True):
        code, _, errors = eie(command, model, *options, folder=tmp_path)
        assert (code, errors.count("\n")) == (2, 1), (model, errors)
        assert errors.startswith(f"eie: error: {model}: ")


@pytest.mark.parametrize(
    ("model", "bad"),
    [
        ("gather", {"far": "-8..7", "negative": "-8..7"}),
        pytest.param("scatter", {"far": "-4..3", "negative": "-4..3"}, marks=pytest.mark.nightly),
        pytest.param("divide", {"zero": "divisor 0"}, marks=pytest.mark.nightly),
    ],
)
def test_computed_indices(model, bad, tmp_path):
    assert f"{model}.onnx" in written("computed_indices.py", tmp_path)
    command = ["compile", f"{model}.onnx", "-o", "m.so", "--arithmetic", "float32"]
    assert eie(*command, folder=tmp_path)[0] == 0
    for name in ("good", "far", "negative", "zero"):
        code, _, errors = eie("run", "m.so", "--input", f"{name}.npy", folder=tmp_path)
        if name in bad:
            assert (code, errors.count("\n")) == (2, 1), (name, errors)
            assert bad[name] in errors
        else:
            assert (code, errors) == (0, ""), (name, errors)
    assert np.load(tmp_path / "good.npy").shape == (1, 4)
