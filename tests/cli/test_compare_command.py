"""``eie compare``: one command says where the accuracy went."""

import csv
import json
import sys

import numpy as np
import onnx
import pytest
from networks import Net

import eie_backend as eie
from eie_backend import cli
from eie_backend.cli import console
from eie_backend.codegen.library import export_library


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Make a network of conv1, conv2 and fc, and a library of which conv2 lost its weights."""
    made = tmp_path_factory.mktemp("spoiled")
    net = Net((1, 2, 8, 8), np.random.default_rng(5))
    for name, kernel in (("conv1", 1), ("conv2", 3)):
        net.conv(6, kernel)
        net.nodes[-1].name = name
        net.add("Relu")
    net.add("Flatten", shape=(1, 384))
    net.dense(5)
    net.nodes[-2].name = "fc"
    onnx.save(net.model(), made / "cnn.onnx")
    x = np.random.default_rng(6).normal(size=(3, 2, 8, 8)).astype(np.float32)
    np.savez(made / "x.npz", x=x, labels=np.arange(3))
    recipe = eie.Recipe(density={"conv2": 0.02})
    options = {"recipe": recipe, "calibration": x, "winograd": "always"}
    mod = eie.from_onnx(made / "cnn.onnx", verify=False)
    config = eie.HardwareConfig(num_pe=4)
    export_library(eie.compile(mod, config, **options), made / "cnn.so")
    return made


@pytest.fixture
def run(folder, monkeypatch, capsys):
    """Run a command in the folder; return its code and what it said."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "80")

    def run(line):
        monkeypatch.setattr(sys, "argv", ["eie", *line.split()])
        with pytest.raises(SystemExit) as leaving:
            cli.main()
        return (leaving.value.code or 0, *capsys.readouterr())

    return run


def test_a_layer_that_was_spoiled_is_named(run, folder):
    """The library knows where its model is; labels beside the inputs are left alone."""
    code, out, _ = run("compare cnn.so --input x.npz --csv layers.csv -o page.html")
    assert code == 0
    assert " ".join(out.split()).rpartition("samples. ")[2].startswith("conv2 adds most: ")
    rows = [line for line in out.splitlines() if line.startswith("│")]
    names = [row.split("│")[1].strip() for row in rows]
    assert names == [
        "all results",
        *("conv1", "conv2", *(f"- conv2_w{k}" for k in range(16)), "fc"),
    ]
    assert all(len(line) <= 80 for line in out.splitlines())
    with (folder / "layers.csv").open() as file:
        table = [*csv.DictReader(file)]
    own = {row["name"]: float(row["own_error"]) for row in table if row["level"] == "layer"}
    assert max(own, key=own.get) == "conv2"
    assert "conv2 has the largest error of its own" in (folder / "page.html").read_text("utf-8")


def test_the_object_says_the_same(run):
    code, out, _ = run("compare cnn.so --input x.npz --json")
    found = json.loads(out)
    assert (code, found["worst"]) == (0, "conv2")
    assert [layer["name"] for layer in found["layers"]] == ["conv1", "conv2", "fc"]
    assert [len(layer["parts"]) for layer in found["layers"]] == [0, 16, 0]
    assert found["samples"] == found["fidelity"]["samples"] == 3


def test_worst_rows_are_coloured_on_a_terminal(folder):
    mod = eie.from_onnx(folder / "cnn.onnx", verify=False)
    with np.load(folder / "x.npz") as arrays:
        found = eie.compare(folder / "cnn.so", mod, arrays["x"])
    from eie_backend.cli.compare_command import comparison_table

    screen = console.Terminal(force_terminal=True, width=80, color_system="standard")
    with screen.capture() as capture:
        screen.print(comparison_table(found), crop=False)
    yellow = [line for line in capture.get().splitlines() if "\x1b[33m" in line]
    assert len(yellow) == 1
    assert "conv2" in yellow[0]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--input x.npz -o page.txt", "page.txt: its name must end in .html"),
        ("--input x.npz --csv page.html", "page.html: its name must end in .csv"),
        ("--input gone.npz", "gone.npz: no such file; give a .npy or .npz file"),
        (
            "--input x.npz --reference gone.onnx",
            "gone.onnx: cannot be read: No such file or directory; give the ONNX or .eiez file "
            "that the library was compiled from",
        ),
    ],
)
def test_errors(run, line, message):
    code, out, errors = run(f"compare cnn.so {line}")
    assert (code, out, errors) == (2, "", f"eie: error: {message}\n")
