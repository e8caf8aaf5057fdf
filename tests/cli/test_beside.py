"""The float network's answers beside the machine's, on every command that has data."""

import json
import re
from dataclasses import fields

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from eie_backend import cli
from eie_backend.cli.console import asked


@pytest.fixture(scope="module")
def folder(make_mlp, tmp_path_factory):
    """Return a folder with a model, samples whose labels are its answers, and two libraries."""
    folder = tmp_path_factory.mktemp("beside")
    model = make_mlp(24, 16, 10, batch="batch")
    onnx.save(model, folder / "mlp.onnx")
    x = np.random.default_rng(1).normal(size=(8, 24)).astype(np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (scores,) = session.run(None, {session.get_inputs()[0].name: x})
    np.savez(folder / "x.npz", x=x)
    np.savez(folder / "labelled.npz", x=x, labels=scores.argmax(1))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        call(
            patch, "compile mlp.onnx -o good.so --bind batch=4 --calibrate x.npz --codebook-bits 7"
        )
        call(patch, "compile mlp.onnx -o bad.so --bind batch=4 --density 0.05 --calibrate x.npz")
    return folder


def call(patch, command):
    """Run a command and return its exit code."""
    for field in fields(asked):
        patch.setattr(asked, field.name, False)
    patch.setattr("sys.argv", ["eie", *command.split()])
    with pytest.raises(SystemExit) as leaving:
        cli.main()
    return leaving.value.code


@pytest.fixture
def run(folder, monkeypatch, capsys):
    """Run a command that succeeds, and return what it prints."""
    monkeypatch.chdir(folder)
    capsys.readouterr()

    def run(command):
        assert call(monkeypatch, command) == 0
        run.stdout, run.stderr = capsys.readouterr()
        return " ".join(run.stdout.split())

    return run


WITH_LABELS = re.compile(
    r"Beside the float network: accuracy \d+\.\d\d%, float 100\.00%, relative error [\d.]+%, SQNR "
    r"[\d.]+ dB, same largest output in \d+\.\d% of 8 samples\."
)
WITHOUT = re.compile(
    r"Beside the float network: relative error [\d.]+%, SQNR [\d.]+ dB, same largest output in "
    r"\d+\.\d% of 8 samples\."
)
PATHS = {
    "compile": ("compile mlp.onnx -o {0}2.so --bind batch=4 {1} --calibrate labelled.npz", True),
    "compile_no_labels": (
        "compile mlp.onnx -o {0}2.so --bind batch=4 {1} --calibrate x.npz",
        False,
    ),
    "profile": ("profile {0}.so --input x.npz", False),
    "profile_labels": ("profile {0}.so --input labelled.npz", True),
    "evaluate": ("evaluate {0}.so --data labelled.npz --scheduler threads", True),
    "evaluate_no_labels": ("evaluate {0}.so --data x.npz --scheduler threads", False),
    "report": ("report {0}.so --input labelled.npz -o {0}.html", True),
}


@pytest.mark.parametrize("path", PATHS)
def test_every_path_shows_whether_the_network_still_answers_as_it_did(path, run):
    command, labelled = PATHS[path]
    text = run(command.format("bad", "--density 0.05"))
    assert (WITH_LABELS if labelled else WITHOUT).search(text)
    assert "Next: keep more weights (--density), or let `eie compress" in text
    assert "`eie compare` names the layer that loses most." in text
    text = run(command.format("good", "--codebook-bits 7"))
    assert (WITH_LABELS if labelled else WITHOUT).search(text)
    assert "Next:" not in text


def test_a_report_tells_the_layers_and_the_next_step(run, folder):
    run("report bad.so --input labelled.npz -o page.html")
    text = (folder / "page.html").read_text("utf-8")
    assert 'id="fidelity"' in text
    assert "Beside the float network: accuracy" in text
    assert "Next: keep more weights" in text
    run("report bad.so --input labelled.npz -o page.html --no-float")
    assert 'id="fidelity"' not in (folder / "page.html").read_text("utf-8")


def test_json_has_the_numbers(run):
    run("profile bad.so --input x.npz --json")
    found = json.loads(run.stdout)["fidelity"]
    keys = {"agreement", "largest_difference", "relative_error", "samples", "sqnr_db"}
    assert found.keys() == keys
    run("evaluate bad.so --data labelled.npz --scheduler threads --json")
    evaluated = json.loads(run.stdout)
    assert evaluated["report"]["fidelity"] == found
    assert evaluated["accuracy"] < evaluated["reference_accuracy"] == 1.0
    run("compile mlp.onnx -o o.so --bind batch=4 --density 0.05 --calibrate labelled.npz --json")
    compiled = json.loads(run.stdout)
    assert compiled["fidelity"] == pytest.approx(found)
    assert (compiled["accuracy"], compiled["reference_accuracy"]) == (evaluated["accuracy"], 1.0)
    assert compiled["formats"] == "samples"


def test_the_measure_is_that_of_the_results(run, folder):
    run("profile bad.so --input x.npz --json")
    found = json.loads(run.stdout)["fidelity"]
    run("run bad.so --input x.npz -o y.npy")
    session = onnxruntime.InferenceSession(folder / "mlp.onnx")
    x = np.load(folder / "x.npz")["x"]
    (expected,) = session.run(None, {session.get_inputs()[0].name: x})
    y = np.load(folder / "y.npy")
    errors = np.linalg.norm(y - expected, axis=1) / np.linalg.norm(expected, axis=1)
    assert found["relative_error"] == pytest.approx(errors.mean(), rel=1e-4)
    assert found["agreement"] == np.mean(y.argmax(1) == expected.argmax(1))


def test_shards_do_not_change_it(run, monkeypatch):
    command = "evaluate bad.so --data labelled.npz --scheduler threads --json"
    run(command)
    whole = json.loads(run.stdout)
    monkeypatch.setattr("eie_backend.cli.evaluate_command.SHARD_SAMPLES", 4)
    run(command)
    assert json.loads(run.stdout) == whole


def test_without_data_compile_says_what_it_did_blindly(run):
    text = run("compile mlp.onnx -o o.so --bind batch=4 --density 0.5")
    assert "Number formats come from synthetic inputs: give --calibrate samples.npz" in text
    assert "Pruned blind: nothing tells what the network still answers." in text
    text = run("compile mlp.onnx -o o.so --bind batch=4 --arithmetic float32")
    assert "Number formats" not in text
    assert "Pruned blind" not in text
    run("compile mlp.onnx -o o.so --bind batch=4 --json")
    found = json.loads(run.stdout)
    assert (found["formats"], found["fidelity"], found["accuracy"]) == ("synthetic", None, None)


def test_the_float_network_can_be_left_out_or_be_elsewhere(run, folder):
    assert "Beside" not in run("profile bad.so --input x.npz --no-float")
    assert run.stderr == ""
    (folder / "mlp.onnx").rename(folder / "moved.onnx")
    try:
        assert "Beside" not in run("profile bad.so --input x.npz")
        assert run.stderr == (
            "eie: not beside the float network: mlp.onnx: the model that the library was compiled "
            "from is not there; give it by --reference\n"
        )
        assert "Beside" in run("profile bad.so --input x.npz --reference moved.onnx")
    finally:
        (folder / "moved.onnx").rename(folder / "mlp.onnx")


def test_another_reference_is_an_error(folder, monkeypatch, capsys, make_mlp):
    monkeypatch.chdir(folder)
    onnx.save(make_mlp(24, 16, 10, batch="batch", seed=5), folder / "other.onnx")
    assert call(monkeypatch, "profile bad.so --input x.npz --reference other.onnx") == 2
    assert "not the model that the library was compiled from" in capsys.readouterr().err


def test_samples_are_cut_by_the_rows_of_each_input(run, folder, monkeypatch):
    """Of a sequence whose steps come first there is one answer, and its state has other rows."""
    steps, width = 5, 3
    w = np.random.default_rng(2).normal(size=(width, 4)).astype(np.float32)
    nodes = [
        helper.make_node("ReduceSum", ["x", "axis"], ["s"], keepdims=0),
        helper.make_node("Add", ["s", "h"], ["t"]),
        helper.make_node("MatMul", ["t", "w"], ["y"]),
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", [steps, 1, width]), ("h", [1, width]), ("y", [1, 4]))
    ]
    tensors = [numpy_helper.from_array(w, "w"), numpy_helper.from_array(np.array([0]), "axis")]
    graph = helper.make_graph(nodes, "steps", ends[:2], ends[2:], tensors)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), "steps.onnx")
    x = np.random.default_rng(3).normal(size=(20, steps, 1, width)).astype(np.float32)
    h = np.random.default_rng(4).normal(size=(20, width)).astype(np.float32)
    labels = ((x.sum(1) + h[:, None]) @ w)[:, 0].argmax(1)
    np.savez("steps.npz", x=x.reshape(-1, 1, width), h=h, labels=labels)
    run("compile steps.onnx -o steps.so --arithmetic float32 --codebook-bits 7")
    monkeypatch.setattr("eie_backend.cli.evaluate_command.SHARD_SAMPLES", 15)  # three calls
    run("evaluate steps.so --data steps.npz --scheduler threads --json")
    found = json.loads(run.stdout)
    assert (found["samples"], found["correct"], found["reference_correct"]) == (20, 20, 20)
    assert found["report"]["fidelity"]["samples"] == 20
