"""Numbers that are none, or too long: told or refused on one line, whatever command reads them."""

import json
from dataclasses import fields

import numpy as np
import onnx
import pytest

import eie_backend as eie
from eie_backend import cli
from eie_backend.cli.console import asked

SAMPLES, INPUTS, CLASSES = 8, 24, 10
SPEC = "models: mlp.onnx\nhardware: {num_pe: [2]}\nrecipe: {density: [0.5]}\n"


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
    bad = x.copy()
    bad[0, 0], bad[-1, :2] = np.nan, (np.inf, np.nan)
    np.savez(made / "bad.npz", x=bad, labels=np.arange(SAMPLES))
    for name in ("data", "bad"):
        (made / f"{name}.yaml").write_text(f"{SPEC}data: {name}.npz\n")
    (made / "calibration.yaml").write_text(f"{SPEC}data: data.npz\ncalibration: good_bad.npz\n")
    np.savez(made / "good_bad.npz", x=np.where(np.isnan(bad), 0, bad))
    (made / "keep.yaml").write_text("density: 1.0\n")
    return made


@pytest.fixture
def eie_in(folder, monkeypatch, capfd):
    """Run a command in the folder; return exit code, stdout and stderr, those of workers too."""
    for field in fields(asked):
        monkeypatch.setattr(asked, field.name, False)

    def run(command):
        monkeypatch.chdir(folder)
        monkeypatch.setattr("sys.argv", ["eie", *command.split()])
        try:
            cli.main()
            code = 0
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        return code, *capfd.readouterr()

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


TOLD = "input x: 2 NaN and 1 infinite of 192 values; correct the data"
COUNTS = [{"input": "x", "nan": 2, "infinite": 1, "values": 192}]
COMMANDS = {
    "run": "run mlp.so --input bad.npz -o y.npy",
    "profile": "profile mlp.so --input bad.npz",
    "evaluate": "evaluate mlp.so --data bad.npz --workers 1",
    "evaluate in threads": "evaluate mlp.so --data bad.npz --scheduler threads",
    "compare": "compare mlp.so --input bad.npz --reference mlp.onnx",
    "report": "report mlp.so --input bad.npz -o bad.html",
    "trace": "trace mlp.so --input bad.npz -o bad.vcd",
    "faults": "faults mlp.so --data bad.npz --units act --rates 1e-3 --trials 1",
    "sweep": "sweep bad.yaml -o swept --workers 1",
    "sweep in threads": "sweep bad.yaml -o swept_in_threads --scheduler threads --workers 1",
}
"""With bad.npz, where the labels are what --input ignores, data.npz is likewise finite."""

INPUTS_ONLY = ("run", "profile", "trace")
"""Commands that take no labels beside the inputs."""


@pytest.fixture
def prepare(folder):
    """Write bad.npz and data.npz as a command takes them: without labels if it takes none."""
    kept = {name: (folder / name).read_bytes() for name in ("bad.npz", "data.npz")}

    def write(command):
        if command.split()[0] in INPUTS_ONLY:
            for name in kept:
                with np.load(folder / name) as arrays:
                    x = arrays["x"]
                np.savez(folder / name, x=x)

    yield write
    for name, content in kept.items():
        (folder / name).write_bytes(content)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.nightly if name == "sweep" else ()) for name in COMMANDS],
)
def test_a_command_tells_of_nan_and_infinity(name, eie_in, prepare):
    """Once, though data are read and run in several places; also in the object of --json."""
    prepare(COMMANDS[name])
    code, out, errors = eie_in(f"{COMMANDS[name]} --json")
    assert (code, json.loads(out)["not_finite"]) == (0, COUNTS)
    (warning,) = (line for line in errors.splitlines() if "warning" in line)
    assert warning.startswith(f"eie: warning: {TOLD}")
    assert errors.count("NaN") == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_strict_inputs_refuses_them(name, eie_in, prepare):
    prepare(COMMANDS[name])
    code, out, errors = eie_in(f"{COMMANDS[name]} --strict-inputs")
    assert (code, out, errors.count("\n")) == (2, "", 1)
    assert errors.startswith("eie: error: ") and TOLD in errors
    where = ", samples 0 to 7" if "evaluate" in name else ""
    assert f"bad.npz{where}: {TOLD}" in errors


@pytest.mark.parametrize("name", ["run", "evaluate in threads", "faults"])
def test_finite_inputs_are_told_of_nothing(name, eie_in, prepare):
    prepare(COMMANDS[name])
    code, out, errors = eie_in(f"{COMMANDS[name]} --strict-inputs --json".replace("bad", "data"))
    assert (code, json.loads(out)["not_finite"], "warning" in errors) == (0, [], False)


def test_quiet_leaves_it_to_json(eie_in, prepare):
    prepare("run")
    code, out, errors = eie_in("run mlp.so --input bad.npz --json --quiet")
    assert (code, json.loads(out)["not_finite"], errors) == (0, COUNTS, "")


CALIBRATING = {
    "compile": "compile mlp.onnx -o out.so --calibrate good_bad.npz",
    "compress": "compress mlp.onnx --data data.npz --recipe keep.yaml -o o.eiez "
    "--calibrate good_bad.npz",
    "compress by data": "compress mlp.onnx --data bad.npz --recipe keep.yaml -o o.eiez",
    "sweep": "sweep calibration.yaml -o swept_calibrated --scheduler threads",
}


@pytest.mark.parametrize("name", CALIBRATING)
def test_calibration_is_no_other(name, eie_in):
    """What reaches a layer widens no format: refused by calibration itself, strict or not."""
    command = CALIBRATING[name]
    code, out, errors = eie_in(f"{command} --strict-inputs")
    assert (code, out, errors.count("\n")) == (2, "", 1)
    assert "bad.npz: input x: " in errors and "1 infinite of 192 values" in errors
    if name != "sweep":  # there each design says so
        code, _, errors = eie_in(command)
        assert code == 2
        assert (
            "calibrate: fc1" in errors and "NaN or infinite activations; check the data" in errors
        )


FAULTY_LABELS = {
    "text": np.array(["cat"] * SAMPLES),
    "dates": np.array(["2020-01-01"] * SAMPLES, "M8[D]"),
    "NaN": np.full(SAMPLES, np.nan),
    "fractions": np.arange(SAMPLES) / 2,
    "truth": np.ones(SAMPLES, bool),
    "two dimensions": np.eye(SAMPLES, CLASSES, dtype=int),
    "a class too many": np.arange(SAMPLES) + 3,
    "below 0": np.arange(SAMPLES) - 1,
    "too few": np.arange(SAMPLES - 4),
    "objects": np.array([{}] * SAMPLES, object),
}
LABELLED = {
    "evaluate": "evaluate mlp.so --data labels.npz --workers 1",
    "evaluate, of a file": "evaluate mlp.so --data x.npy --labels labels.npy --scheduler threads",
    "report": "report mlp.so --input x.npy --labels labels.npy -o page.html",
    "faults": "faults mlp.so --data labels.npz",
    "compress": "compress mlp.onnx --data labels.npz -o o.eiez",
    "sweep": "sweep labels.yaml -o swept_labels",
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("command", LABELLED)
@pytest.mark.parametrize("name", FAULTY_LABELS)
def test_labels_are_checked_alike(name, command, eie_in, folder):
    labels = FAULTY_LABELS[name]
    np.savez(folder / "labels.npz", x=np.load(folder / "x.npy"), labels=labels)
    np.save(folder / "labels.npy", labels)
    (folder / "labels.yaml").write_text(f"{SPEC}data: labels.npz\n")
    code, out, errors = eie_in(LABELLED[command])
    assert (code, out, errors.count("\n")) == (2, "", 1)
    says = "needs pickle" if name == "objects" else "labels: "
    assert errors.startswith("eie: error: ") and says in errors
