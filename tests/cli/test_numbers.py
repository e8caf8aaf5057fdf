"""Numbers that are none, or too long: told or refused on one line, whatever command reads them."""

import numpy as np
import onnx
import pytest

import eie_backend as eie
from eie_backend import cli

SAMPLES, INPUTS, CLASSES = 8, 24, 10


@pytest.fixture(scope="module")
def folder(make_mlp, tmp_path_factory):
    """Make a model, its library, and samples in a folder that the commands run in."""
    made = tmp_path_factory.mktemp("numbers")
    model = make_mlp(INPUTS, 16, CLASSES, batch=4)
    onnx.save(model, made / "mlp.onnx")
    eie.export_library(eie.compile(eie.from_onnx(model)), made / "mlp.so")
    x = np.random.default_rng(2).normal(size=(SAMPLES, INPUTS)).astype(np.float32)
    np.savez(made / "data.npz", x=x, labels=np.arange(SAMPLES))
    np.save(made / "x.npy", x)
    return made


@pytest.fixture
def eie_in(folder, monkeypatch, capsys):
    """Run a command in the folder; return exit code, stdout and stderr."""

    def run(command):
        monkeypatch.chdir(folder)
        monkeypatch.setattr("sys.argv", ["eie", *command.split()])
        try:
            cli.main()
            code = 0
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        return code, *capsys.readouterr()

    return run


LONG = "9" * 5000
FILES = {
    "recipe.yaml": "bits: 0x" + "f" * 5000,
    "recipe.json": '{"density": ' + LONG + "}",
    "spec.yaml": "models: mlp.onnx\ndata: data.npz\nhardware: {num_pe: [0b" + "1" * 20_000 + "]}",
    "table.yaml": "rows: [{module: lnzd, event: cycles, value: 0" + "7" * 6000 + "}]",
    "flips.yaml": "- {unit: act, step: 1" + ":1" * 50_000 + "}",
}


@pytest.mark.parametrize(
    "command",
    [
        "compile mlp.onnx -o out.so --recipe recipe.yaml",
        "compile mlp.onnx -o out.so --recipe recipe.json",
        "compress mlp.onnx --data data.npz -o out.eiez --recipe recipe.yaml",
        "sweep spec.yaml -o swept",
        "profile mlp.so --input x.npy --energy table.yaml",
        "faults mlp.so --data data.npz --flips flips.yaml",
        f"compile mlp.onnx -o out.so --bind batch={LONG}",
        f"trace mlp.so --input x.npy -o x.vcd --window {LONG}:",
        f"trace mlp.so --input x.npy -o x.vcd --window 1:{LONG}",
        f"run mlp.so --input x.npy --remote here:{LONG}",
    ],
    ids=lambda command: command[:50].replace(" ", "_"),
)
def test_an_integer_of_thousands_of_digits_is_one_line(command, eie_in, folder):
    for name, text in FILES.items():
        (folder / name).write_text(text)
    code, out, errors = eie_in(command)
    assert (code, out, errors.count("\n")) == (2, "", 1)
    assert errors.startswith("eie: error: ")
