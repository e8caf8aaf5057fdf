"""``eie faults``: what it prints, writes and draws; the shipped networks by their names."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import eie_backend as eie
from eie_backend.cli import app
from eie_backend.soft_errors import shipped


@pytest.fixture(scope="module")
def folder(make_mlp, tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults")
    x = np.random.default_rng(1).normal(size=(16, 24)).astype(np.float32)
    eie.export_library(eie.compile(eie.from_onnx(make_mlp(24, 16, 10, batch=4))), folder / "mlp.so")
    (labels,) = eie.run(folder / "mlp.so", x)
    np.savez(folder / "data.npz", x=x, labels=labels.argmax(axis=1))
    np.save(folder / "x.npy", x)
    (folder / "flips.json").write_text(
        '[{"unit": "ptr", "matrix": 0, "pe": 0, "pointer": 5, "bit": 9}]'
    )
    return folder


@pytest.fixture
def run(folder, monkeypatch):
    monkeypatch.chdir(folder)

    def run(command):
        done = CliRunner().invoke(app, ["faults", *command.split()], catch_exceptions=False)
        assert done.exit_code == 0
        return done.stdout

    return run


def test_a_table_for_each_protection(run):
    options = "--rates 1e-3,2.5e-2 --units act,spmat --protection none,secded --trials 3"
    text = run(f"mlp.so --data data.npz {options}")
    lines = text.splitlines()
    (first, second) = (n for n, line in enumerate(lines) if line.startswith("Protection "))
    assert lines[first] == (
        "Protection none: 16 inputs in 3 trials, accuracy without flips 100.00%"
    )
    rows = [line.split("│")[1:3] for line in lines[first:second] if line.startswith("│")]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["act", "1e-3"], ["act", "2.5e-2"], ["spmat", "1e-3"], ["spmat", "2.5e-2"],
    ]  # fmt: skip
    assert "bits differ" in text and "corrected" in text
    assert "nJ per input" in text


def test_the_file_has_what_json_prints(run, folder):
    command = "mlp.so --data data.npz --rates 1e-2 --trials 2 -o out.json --json"
    printed = json.loads(run(command))
    assert printed.pop("written") == ["out.json"]
    assert json.loads((folder / "out.json").read_text()) == printed
    assert [row["unit"] for row in printed["rows"]] == [
        "spmat",
        "ptr",
        "codebook",
        "act_queue",
        "act",
    ]
    before = (folder / "out.json").read_bytes()
    run(command)
    assert (folder / "out.json").read_bytes() == before


def test_a_list_of_flips(run):
    found = json.loads(
        run("mlp.so --data data.npz --flips flips.json --protection none,parity --json")
    )
    none, parity = found["rows"]
    assert (none["unit"], none["rate"], none["words_unnoticed"]) == ("listed", None, 1)
    assert (parity["detected"], parity["words_detected"]) == (1, 1)


@pytest.mark.parametrize("form", ["png", "svg", "pdf"])
def test_pictures(run, folder, form):
    pytest.importorskip("matplotlib")
    run(f"mlp.so --data x.npy --rates 0,1e-3,1e-2 --units act --trials 1 --picture p.{form}")
    start = (folder / f"p.{form}").read_bytes()[:100]
    assert {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[form] in start


def test_without_labels_there_is_no_accuracy(run):
    text = run("mlp.so --data x.npy --rates 1e-2 --units act --trials 1 --samples 8")
    assert text.startswith("Protection none: 8 inputs\n")
    assert "accuracy" not in text


def test_a_shipped_network_runs_by_its_name(run):
    text = run("lenet_300_100 --rates 1e-3 --units act --trials 2 --samples 200")
    assert text.startswith(
        "Protection none: 200 inputs in 2 trials, accuracy without flips 100.00%\n"
    )


def test_both_shipped_networks_are_there():
    assert list(shipped.SHIPPED) == ["lenet_300_100", "lenet_5"]
