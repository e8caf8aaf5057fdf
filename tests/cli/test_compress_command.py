"""``eie compress``: what it writes and prints, and what it refuses before it starts."""

import json
import os
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import onnx
import pytest

import eie_backend as eie
from eie_backend import cli
from eie_backend.compress.report import report_from_json
from eie_backend.process.interrupts import LINE
from eie_backend.recipe import read_recipe
from eie_backend.search.evaluator import Evaluator
from eie_backend.storage.container import load_eiez, read_eiez

LENET = files("eie_backend") / "data" / "lenet_300_100.onnx"
DIGITS = files("eie_backend") / "data" / "mnist_test_1000.npz"
OUTPUTS = {"out.eiez", "out.recipe.json", ".eie_cache"}


@pytest.fixture(scope="module")
def folder(make_mlp, tmp_path_factory):
    """Return a folder with a model, labels that it finds, and data that does not fit."""
    made = tmp_path_factory.mktemp("files")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 24)).astype(np.float32)
    model = make_mlp(24, 16, 10, batch=8)
    onnx.save(model, made / "mlp.onnx")
    onnx.save(make_mlp(24, 16, 10, batch="batch"), made / "dynamic.onnx")
    (made / "text.onnx").write_text("no model")
    labels = Evaluator(eie.from_onnx(model), x, np.zeros(80, int)).scores({}).argmax(axis=1)
    arrays = {
        "good": {"x": x, "labels": labels},
        "one_array": {"images": x, "labels": labels.astype(np.uint8)},
        "no_labels": {"x": x, "y": labels},
        "no_inputs": {"labels": labels},
        "outside": {"x": x, "labels": np.where(np.arange(80) % 9, labels, 10)},
        "short": {"x": x, "labels": labels[:79]},
        "floats": {"x": x, "labels": labels / 2},
        "wide": {"x": x[:, 1:], "labels": labels},
        "part": {"x": x[:79], "labels": labels[:79]},
        "two": {"x": x, "z": x, "labels": labels},
    }
    for name, held in arrays.items():
        np.savez(made / f"{name}.npz", **held)
    np.save(made / "labels.npy", labels)
    np.save(made / "x.npy", x[:40])
    (made / "text.npz").write_text("no arrays")
    (made / "recipe.yaml").write_text("density: {fc1: 0.5}\nbits: {fc1: 3, '@dense': 4}\n")
    (made / "wide.yaml").write_text("bits: 6\n")
    (made / "layers.yaml").write_text("density: {fc7: 0.5, fc2: 0.0001}\n")
    return made


@pytest.fixture
def eie_in(folder, tmp_path, monkeypatch, capsys):
    """Run a command in a new folder with the files; return exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    for path in folder.iterdir():
        (tmp_path / path.name).symlink_to(path)

    def run(command):
        monkeypatch.setattr("sys.argv", ["eie", *command.split()])
        with pytest.raises(SystemExit) as leaving:
            cli.main()
        return leaving.value.code, *capsys.readouterr()

    run.new = lambda: {p.name for p in tmp_path.iterdir()} - {p.name for p in folder.iterdir()}
    return run


def succeeded(done):
    code, text, errors = done
    assert code == 0, errors
    return text


def test_a_search_keeps_the_accuracy(eie_in):
    command = "compress mlp.onnx --data good.npz --max-drop 10 -o out.eiez --num-pe 4"
    text = succeeded(eie_in(f"{command} --report report.json"))
    assert eie_in.new() == OUTPUTS | {"report.json"}
    report = report_from_json(Path("report.json").read_text())
    with np.load("good.npz") as data:
        evaluator = Evaluator(eie.from_onnx("out.eiez"), data["x"], data["labels"])
    assert evaluator.accuracy({}) == report.steps[-1].accuracy >= 0.9
    assert read_recipe("out.recipe.json") == report.recipe == report.search.recipe
    contents = read_eiez("out.eiez")
    assert contents.recipe == json.loads(report.recipe.to_json())
    assert contents.metadata["accuracy"]["share"] == report.steps[-1].accuracy
    assert contents.file_bytes == report.file_bytes == Path("out.eiez").stat().st_size
    assert f"{report.machine.accuracy:.2%}" in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_file_compiles_as_it_is(eie_in):
    succeeded(eie_in("compress mlp.onnx --data good.npz --max-drop 10 -o out.eiez --num-pe 4"))
    text = succeeded(eie_in("compile out.eiez -o out.so --num-pe 4"))
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines()]
    assert [(row[0], row[1], row[4].split()[1:]) for row in rows if row] == [
        ("fc1", "machine", ["as", "is"]),
        ("fc2", "machine", ["as", "is"]),
    ]


def test_cycles_are_those_of_the_machine(eie_in):
    command = "compress mlp.onnx --data good.npz --max-drop 10 -o out.eiez --num-pe 4"
    text = succeeded(eie_in(f"{command} --objective cycles --method balanced --json"))
    report = report_from_json(text)
    assert report.search.objective == "cycles"
    lib = eie.compile(
        eie.from_onnx("out.eiez"),
        eie.HardwareConfig(num_pe=4),
        calibration=np.load("good.npz")["x"],
    )
    layers = eie.profile(lib, np.load("good.npz")["x"]).layers
    assert report.machine.cycles_per_sample == sum(layer.cycles_per_sample for layer in layers)
    assert report.machine.cycles_per_sample < report.search.dense.cost.cycles


def test_a_recipe_instead_of_a_search(eie_in):
    done = eie_in("compress mlp.onnx --data one_array.npz --recipe recipe.yaml -o out.eiez --json")
    report = report_from_json(succeeded(done))
    assert done[2] == "wrote out.eiez\nwrote out.recipe.json\n"
    assert eie_in.new() == OUTPUTS
    assert report.search is None
    assert (report.layers["fc1"].nonzeros, report.layers["fc1"].values) == (192, 7)
    assert (report.layers["fc2"].nonzeros, report.layers["fc2"].values) == (160, 15)


def test_more_values_than_the_machine_decodes_are_stored_only(eie_in):
    text = succeeded(eie_in("compress mlp.onnx --data good.npz --recipe wide.yaml -o out.eiez"))
    assert "Not simulated: the machine cannot run it" in text
    assert len(load_eiez("out.eiez").graph.initializer) == 4


def test_a_dynamic_dimension_and_calibration(eie_in):
    command = "compress dynamic.onnx --data good.npz --max-drop 20 -o out.eiez --num-pe 4"
    succeeded(eie_in(f"{command} --bind batch=40 --calibrate x.npy"))
    assert eie_in.new() == OUTPUTS


@pytest.mark.nightly
def test_pictures(eie_in):
    pytest.importorskip("matplotlib", reason="needs the extra `viz`")
    command = "compress mlp.onnx --data good.npz --max-drop 10 -o out.eiez --num-pe 4"
    succeeded(eie_in(f"{command} --pictures pictures"))
    names = {"weights.svg", "codebooks.svg", "sensitivity.svg", "pareto.svg"}
    assert {path.name for path in Path("pictures").iterdir()} == names


@pytest.mark.nightly
def test_optuna(eie_in, monkeypatch):
    pytest.importorskip("optuna", reason="needs the extra `explore`")
    monkeypatch.setattr("eie_backend.cli.compress_command.TRIALS", 5)
    command = "compress mlp.onnx --data good.npz --max-drop 10 -o out.eiez --num-pe 4 --json"
    greedy, found = (
        report_from_json(succeeded(eie_in(command + more))).search
        for more in ("", " --search optuna")
    )
    assert len(found.points) == len(greedy.points) + 5
    assert found.best.cost.bytes <= greedy.best.cost.bytes


CASES = {
    "model_missing": "compress missing.onnx --data good.npz -o out.eiez",
    "model_text": "compress text.onnx --data good.npz -o out.eiez",
    "data_missing": "compress mlp.onnx --data missing.npz -o out.eiez",
    "data_text": "compress mlp.onnx --data text.npz -o out.eiez",
    "data_npy": "compress mlp.onnx --data labels.npy -o out.eiez",
    "no_labels": "compress mlp.onnx --data no_labels.npz -o out.eiez",
    "no_inputs": "compress mlp.onnx --data no_inputs.npz -o out.eiez",
    "labels_outside": "compress mlp.onnx --data outside.npz -o out.eiez",
    "labels_short": "compress mlp.onnx --data short.npz -o out.eiez",
    "labels_float": "compress mlp.onnx --data floats.npz -o out.eiez",
    "input_shape": "compress mlp.onnx --data wide.npz -o out.eiez",
    "input_part_of_a_batch": "compress mlp.onnx --data part.npz -o out.eiez",
    "input_unknown": "compress mlp.onnx --data two.npz -o out.eiez",
    "bind_missing": "compress dynamic.onnx --data good.npz -o out.eiez",
    "search_all_faults": "compress mlp.onnx --data good.npz -o out.eiez --max-drop -1 "
    "--objective speed",
    "search_unknown": "compress mlp.onnx --data good.npz -o out.eiez --search random",
    "method_global": "compress mlp.onnx --data good.npz -o out.eiez --method global",
    "output_suffix": "compress mlp.onnx --data good.npz -o out.onnx",
    "output_folder_missing": "compress mlp.onnx --data good.npz -o missing/out.eiez",
    "report_folder_missing": "compress mlp.onnx --data good.npz -o out.eiez --report no/out.json",
    "recipe_layers": "compress mlp.onnx --data good.npz -o out.eiez --recipe layers.yaml",
    "num_pe": "compress mlp.onnx --data good.npz -o out.eiez --num-pe 0",
    "calibrate_shape": "compress mlp.onnx --data good.npz -o out.eiez --calibrate wide.npz",
}


@pytest.mark.parametrize("name", CASES)
def test_refused(name, eie_in, golden):
    command = CASES[name]
    code, text, errors = eie_in(command)
    assert (code, text) == (2, "")
    assert errors.count("\n") == 1
    assert not eie_in.new()
    golden(f"compress_{name}.txt", f"$ eie {command}\nexit code {code}\n{errors}")


def test_a_budget_that_cannot_be_kept(eie_in, golden):
    command = "compress mlp.onnx --data good.npz -o out.eiez --max-drop 0"
    code, _, errors = eie_in(command)
    # What was found stays: a larger budget starts from it.
    assert eie_in.new() == {".eie_cache"}
    golden("compress_budget.txt", f"$ eie {command}\nexit code {code}\n{errors}")


def test_pictures_without_matplotlib(eie_in, golden, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    command = "compress mlp.onnx --data good.npz -o out.eiez --pictures pictures"
    code, _, errors = eie_in(command)
    assert not eie_in.new()
    golden("compress_no_matplotlib.txt", f"$ eie {command}\nexit code {code}\n{errors}")


def test_an_interrupted_search_goes_on(eie_in, monkeypatch):
    command = "compress mlp.onnx --data good.npz --max-drop 10 -o out.eiez --num-pe 4"
    accuracy, evaluated = Evaluator.accuracy, []

    def counted(self, weights):
        evaluated.append(weights)
        if len(evaluated) == stop:
            raise KeyboardInterrupt
        return accuracy(self, weights)

    monkeypatch.setattr(Evaluator, "accuracy", counted)
    stop = 10
    code, _, errors = eie_in(command)
    assert (code, errors, eie_in.new()) == (130, LINE, {".eie_cache"})
    stop = None
    succeeded(eie_in(command))
    resumed, written = len(evaluated) - 10, Path("out.eiez").read_bytes()
    evaluated.clear()
    Path(".eie_cache").rename("moved")
    succeeded(eie_in(command))
    assert len(evaluated) == resumed + 9
    assert Path("out.eiez").read_bytes() == written


def test_a_full_disk(eie_in, golden, monkeypatch):
    """At the cache, which comes first: the old result stays."""
    Path("out.eiez").write_text("old")

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    command = "compress mlp.onnx --data good.npz --max-drop 10 -o out.eiez"
    code, _, errors = eie_in(command)
    assert Path("out.eiez").read_text() == "old"
    assert not Path(".eie_cache").exists()
    name = next(word for word in errors.split() if word.startswith(".eie_cache")).rstrip(":")
    errors = errors.replace(name, ".eie_cache/DIGEST.json")
    golden("compress_full_disk.txt", f"$ eie {command}\nexit code {code}\n{errors}")


@pytest.mark.nightly
def test_the_shipped_lenet(eie_in):
    """98.9 % of 1,000 digits: at most 0.1 points less, and at least 60 times smaller."""
    Path("lenet.onnx").symlink_to(LENET)
    with np.load(DIGITS) as data:
        images = (data["images"][:, None] / np.float32(255)).astype(np.float32)
        np.savez("digits.npz", x=images, labels=data["labels"])
    command = "compress lenet.onnx --data digits.npz --max-drop 0.1 -o lenet.eiez"
    text = succeeded(eie_in(f"{command} --bind batch=1000 --json"))
    report = report_from_json(text)
    assert report.steps[0].accuracy == 0.989
    assert report.steps[-1].accuracy >= 0.988
    assert abs(report.machine.accuracy - report.steps[-1].accuracy) <= 0.0005
    assert LENET.stat().st_size / report.file_bytes > 60


def test_a_layer_that_the_recipe_keeps_on_the_host(eie_in):
    Path("host.yaml").write_text("runs_on: {fc1: host}\n")
    given = "compress mlp.onnx --data good.npz -o out.eiez --recipe host.yaml --json"
    found = json.loads(succeeded(eie_in(given)))
    assert found["unchanged"] == {"fc1": "the recipe keeps it on the host"}
    assert found["layers"].keys() == {"fc2"}
    assert found["machine"]["accuracy"] > 0.5
    compiled = json.loads(succeeded(eie_in("compile out.eiez -o out.so --calibrate x.npy --json")))
    told = {row["name"]: row.get("reason") for row in compiled["layers"]}
    assert told == {"fc1": "the recipe keeps it on the host", "fc2": None}
    code, _, errors = eie_in("compile out.eiez -o strict.so --strict")
    assert (code, errors) == (
        2,
        "eie: error: out.eiez: strict: 1 layer would stay on the host: fc1 (matmul): the recipe "
        "keeps it on the host\n",
    )
