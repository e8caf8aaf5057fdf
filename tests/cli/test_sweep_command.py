"""``eie sweep`` in a folder where one works already."""

import json

import numpy as np
import onnx
import pytest

from eie_backend import cli
from eie_backend.files.folder_lock import only_one_in


@pytest.fixture
def eie_sweep(make_mlp, tmp_path, monkeypatch, capsys):
    """Run the command for two designs; return exit code and stderr."""
    monkeypatch.chdir(tmp_path)
    onnx.save(make_mlp(24, 10, batch=8), "mlp.onnx")
    np.savez("good.npz", x=np.ones((8, 24), np.float32), labels=np.zeros(8, int))
    sweep = {"models": {"mlp": "mlp.onnx"}, "data": "good.npz", "hardware": {"num_pe": [2, 4]}}
    (tmp_path / "sweep.yaml").write_text(json.dumps(sweep))

    def run(*options):
        command = "eie sweep sweep.yaml -o swept --scheduler threads --workers 1 --quiet".split()
        monkeypatch.setattr("sys.argv", [*command, *options])
        with pytest.raises(SystemExit) as leaving:
            cli.main()
        return leaving.value.code or 0, capsys.readouterr().err

    return run


def test_the_second_says_that_one_runs(eie_sweep, tmp_path):
    swept = tmp_path / "swept"
    swept.mkdir()
    with only_one_in(swept):
        assert eie_sweep() == (
            2,
            "eie: error: swept: another eie sweep is running there; wait for its end and run this "
            "one again, give another folder, or let both share a database with --storage\n",
        )
        assert not list(swept.iterdir())
    assert eie_sweep() == (0, "")
    names = {"sweep.html", "pareto.svg", "sweep.json", "study.db"}
    assert {path.name for path in swept.iterdir()} == names


def test_with_a_shared_database_several_may_run(eie_sweep, tmp_path):
    swept = tmp_path / "swept"
    swept.mkdir()
    with only_one_in(swept):
        assert eie_sweep("--storage", f"sqlite:///{tmp_path}/shared.db") == (0, "")


def test_values_that_do_not_fit_are_told_on_one_line(make_mlp, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    onnx.save(make_mlp(24, 10, batch=8), "mlp.onnx")
    np.savez("data.npz", x=np.ones((8, 24), np.float32), labels=np.zeros(8, int))
    np.save("tiny.npy", np.full((8, 24), 0.01, np.float32))
    sweep = {"models": {"mlp": "mlp.onnx"}, "data": "data.npz", "calibration": "tiny.npy"}
    (tmp_path / "sweep.yaml").write_text(json.dumps(sweep))
    command = "eie sweep sweep.yaml -o swept --scheduler threads --workers 1 --json"
    monkeypatch.setattr("sys.argv", command.split())
    with pytest.raises(SystemExit) as leaving:
        cli.main()
    out, errors = capsys.readouterr()
    assert not leaving.value.code
    (line,) = [one for one in errors.splitlines() if "warning" in one]
    assert line.startswith(
        "eie: warning: values do not fit their number formats in 1 design of 1: design 0: fc1: 192 "
        "inputs"
    )
    (found,) = json.loads(out)["saturated"]
    assert (found["design"], found["layer"], found["input"]) == (0, "fc1", 192)
