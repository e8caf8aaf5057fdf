"""Whoever runs a library is told where values did not fit their formats, on every path, once."""

import json
import warnings
from dataclasses import fields

import numpy as np
import pytest

import eie_backend as eie
from eie_backend import cli
from eie_backend.cli.console import asked
from eie_backend.errors import SaturationWarning
from eie_backend.profiler.evaluation import Library, Shard, evaluate
from eie_backend.simulator.runner import Runner
from eie_backend.soft_errors.campaign import Campaign
from eie_backend.tracing.trace import trace

X = np.random.default_rng(0).normal(size=(8, 24)).astype(np.float32)
LABELS = np.zeros(8, int)


@pytest.fixture(scope="module")
def library(make_mlp):
    """Return a network that was calibrated with values a hundred times as small."""
    return eie.compile(eie.from_onnx(make_mlp(24, 16, 10)), calibration=X / 100)


@pytest.fixture(scope="module")
def path(library, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saturated")
    eie.export_library(library, folder / "mlp.so")
    np.save(folder / "x.npy", X)
    np.save(folder / "small.npy", X / 100)
    np.savez(folder / "labelled.npz", x=X, labels=LABELS)
    return folder / "mlp.so"


def evaluated(path):
    shards = [Shard({"x": X[:4]}, LABELS[:4]), Shard({"x": X[4:]}, LABELS[4:])]
    return evaluate(Library(path.read_bytes()), shards, scheduler="threads", workers=2)


PATHS = {
    "run": lambda path: eie.run(path, X),
    "run, functional": lambda path: eie.run(path, X, "functional"),
    "profile": lambda path: eie.profile(path, X),
    "evaluate": evaluated,
    "trace": lambda path: trace(path, X, "vcd"),
    "faults": lambda path: Campaign(Runner(path), X, LABELS).costs([]),
}


@pytest.mark.parametrize("name", PATHS)
def test_every_path_tells_of_it_once(name, path):
    with pytest.warns(SaturationWarning) as told:
        PATHS[name](path)
    (warning,) = told
    assert warning.filename == __file__
    text = str(warning.message)
    assert text.startswith("values do not fit their number formats: fc1: ")
    assert text.endswith(
        "compile with sample inputs like these (--calibrate, calibration=), or with "
        "another arithmetic"
    )
    first = warning.message.counts[0]
    assert first.keys() == {"layer", "input", "accumulator", "output", "values"}
    assert first["input"] > X.size // 4


@pytest.mark.parametrize("name", PATHS)
def test_it_can_be_an_error(name, path):
    with warnings.catch_warnings():
        warnings.simplefilter("error", SaturationWarning)
        with pytest.raises(SaturationWarning):
            PATHS[name](path)


def test_who_calibrated_is_told_nothing(path):
    eie.run(path, X / 100)
    assert sum(eie.profile(path, X / 100).saturations.values()) == 0


COMMANDS = {
    "run": "run mlp.so --input x.npy",
    "profile": "profile mlp.so --input x.npy",
    "evaluate": "evaluate mlp.so --data labelled.npz --scheduler threads",
    "evaluate in processes": "evaluate mlp.so --data labelled.npz --workers 2",
    "report": "report mlp.so --input x.npy -o page.html",
    "trace": "trace mlp.so --input x.npy -o trace.vcd",
    "faults": "faults mlp.so --data labelled.npz --units ptr --trials 1",
}


@pytest.fixture
def eie_in(path, monkeypatch, capfd):
    """Run a command; return its result and stderr, that of workers too."""
    for field in fields(asked):
        monkeypatch.setattr(asked, field.name, False)

    def run(command):
        monkeypatch.chdir(path.parent)
        monkeypatch.setattr("sys.argv", ["eie", *command.split(), "--json"])
        with pytest.raises(SystemExit) as leaving:
            cli.main()
        assert not leaving.value.code
        out, errors = capfd.readouterr()
        return json.loads(out), errors

    return run


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_tells_of_it_on_one_line(name, eie_in):
    result, errors = eie_in(COMMANDS[name])
    (line,) = [one for one in errors.splitlines() if "warning" in one]
    assert line.startswith("eie: warning: values do not fit their number formats: fc1: ")
    found = result["saturated"]
    assert found[0]["layer"] == "fc1"
    assert f"fc1: {found[0]['input']:,} inputs" in line


def test_a_command_that_saturates_nothing_says_so(eie_in):
    result, errors = eie_in("profile mlp.so --input small.npy")
    assert "warning" not in errors
    assert result["saturated"] == []
