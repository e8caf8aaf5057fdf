"""What all commands have in common: streams, --json, --quiet, --verbose, colours, exit codes."""

import contextlib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from every_command import COMMANDS, EIE, NO_SOURCE, prepare
from onnx import numpy_helper
from typer.testing import CliRunner

import eie_backend as eie
from eie_backend import cli
from eie_backend.cli import console
from eie_backend.codegen.library import programs
from eie_backend.isa.image import encode_image

HOSTILE = "\x1b[31m\x07[bold red]x[/nope]\n\u202e:smile:" + "y" * 200
"""Part of a name that colours, rings, breaks the line and the markup, and turns the text around."""

KEYS = {
    "demo": {"container_bytes", "networks", "pointer_bytes", "retrained"},
    "doctor": {"checks", "healthy"},
    "compile": {"accuracy", "balance", "fidelity", "formats", "layers", "reference_accuracy"},
    "emit": {"form", "parts"},
    "emit_to_a_file": {"form"},
    "compress": {"file_bytes", "layers", "machine", "model_bytes", "recipe", "samples", "search"}
    | {"steps", "unchanged"},
    "explain": {"operators"},
    "machines": {"machines"},
    "run": {"outputs"},
    "run_to_a_file": {"outputs"},
    "profile": {"area_mm2", "arithmetic", "config", "energy_table", "engine", "layers", "manifest"}
    | {
        "accuracy",
        "fidelity",
        "reference_accuracy",
        "reloads",
        "saturations",
        "setup",
        "setup_dram_pj",
    },
    "evaluate": {"accuracy", "correct", "reference_accuracy", "reference_correct", "report"}
    | {"samples"},
    "compare": {"answer", "fidelity", "layers", "samples", "worst"},
    "report": {"report"},
    "trace": {"bytes", "cycles", "ends_early", "first_edge", "form", "last_edge"},
    "sweep": {"designs", "front", "name", "objectives"},
    "faults": {"accuracy", "costs", "inputs", "model", "rows", "seed"},
    "reproduce": {"asserted", "layers", "out_of_tolerance", "results"},
    "pack": {"file_bytes", "layers", "metadata", "model_bytes", "producer", "recipe"}
    | {"tensor_bytes"},
    "unpack": {"model_bytes"},
    "inspect": {"file_bytes", "layers", "metadata", "model_bytes", "producer", "recipe"}
    | {"tensor_bytes"},
    "asm": {"programs", "image_bytes"},
    "disasm": {"programs", "text"},
    "disasm_to_a_file": {"programs"},
}
WRITTEN = {
    "compile": ["out.so"],
    "emit_to_a_file": ["out.bin"],
    "compress": ["out.eiez", "out.recipe.json"],
    "run_to_a_file": ["y.npy"],
    "profile": ["counts.yaml"],
    "compare": ["page.html", "c.csv"],
    "report": ["page.html"],
    "trace": ["t.vcd"],
    "sweep": ["swept/sweep.html", "swept/pareto.svg", "swept/sweep.json"],
    "faults": ["faults.json"],
    "reproduce": ["new"],
    "pack": ["packed.eiez"],
    "unpack": ["out.onnx"],
    "asm": ["out.eieimg"],
    "disasm_to_a_file": ["out.mlir"],
}


def hostile(model):
    """Return a model with a hostile name at every node and tensor, and values that pack well."""
    renamed = onnx.ModelProto.FromString(model.SerializeToString())
    tensors = {tensor.name: tensor.name + HOSTILE for tensor in renamed.graph.initializer}
    for tensor in renamed.graph.initializer:
        values = np.round(16 * numpy_helper.to_array(tensor)) / 16
        tensor.CopyFrom(numpy_helper.from_array(values, tensors[tensor.name]))
    for node in renamed.graph.node:
        node.name += HOSTILE
        operands = [tensors.get(name, name) for name in node.input]
        node.ClearField("input")
        node.input.extend(operands)
    return renamed


@pytest.fixture(scope="module")
def prepared(make_mlp, tmp_path_factory):
    """Return a folder with all that `COMMANDS` read, of a model with hostile names."""
    folder = tmp_path_factory.mktemp("prepared")
    model = hostile(make_mlp(24, 16, 10))
    x = np.random.default_rng(1).normal(size=(8, 24)).astype(np.float32)
    executable = prepare(folder, model, x, f"mlp{HOSTILE}")
    (image,) = map(encode_image, programs(executable))
    (folder / "mlp.eieimg").write_bytes(image)
    return folder


@pytest.fixture
def folder(prepared, tmp_path):
    for path in prepared.iterdir():
        (tmp_path / path.name).symlink_to(path)
    return tmp_path


def environment():
    """Return the environment without what asks for colours in pipes."""
    asks = ("FORCE_COLOR", "GITHUB_ACTIONS", "PY_COLORS")
    return {name: value for name, value in os.environ.items() if name not in asks}


def eie_in(folder, command):
    """Run the installed command with pipes for its streams."""
    return subprocess.run(
        [EIE, *command.split()],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def in_process(folder, monkeypatch, capsys):
    """Run a command in this process, which is faster; return stdout and stderr."""
    monkeypatch.chdir(folder)

    def run(command):
        monkeypatch.setattr("sys.argv", ["eie", *command.split()])
        with pytest.raises(SystemExit) as leaving:
            cli.main()
        assert not leaving.value.code
        return capsys.readouterr()

    return run


def test_every_command_is_here():
    names = {name for commands in cli.PANELS.values() for name in commands}
    # A server does not end by itself: test_serve_command.py
    assert {command.split()[0] for command in COMMANDS.values()} == names - {"serve"}
    assert COMMANDS.keys() == KEYS.keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_json_is_one_object_and_quiet_is_silent(name, in_process):
    text, errors = in_process(f"{COMMANDS[name]} --json --quiet")
    found = json.loads(text)
    assert found.keys() == KEYS[name] | {"not_finite", "saturated", "written"}
    assert found["written"] == WRITTEN.get(name, [])
    assert all(Path(path).exists() for path in found["written"])
    assert errors == ""
    assert "\x1b" not in text


def test_every_key_is_documented():
    text = (Path(__file__).parents[2] / "docs" / "terminal.md").read_text("utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    for name, keys in KEYS.items():
        command = "compile --emit" if name.startswith("emit") else COMMANDS[name].split()[0]
        (row,) = (row for row in rows if f"`{command}`" in row.split(" | ")[0])
        assert all(f"`{key}`" in row for key in keys)


PIPED = [name for name in COMMANDS if name not in ("demo", "doctor")]
"""Those two take seconds, and have tests of what they print."""


@pytest.fixture(scope="module")
def piped(prepared, tmp_path_factory):
    """Return what each command printed into pipes, by its name: stdout and stderr."""
    folder = tmp_path_factory.mktemp("piped")
    for path in prepared.iterdir():
        (folder / path.name).symlink_to(path)
    script = """
import json, sys
from eie_backend import cli
for command in json.loads(sys.argv[1]):
    sys.argv = ["eie", *command.split()]
    try:
        cli.main()
    except SystemExit as leaving:
        assert not leaving.code, command
    for stream in sys.stdout, sys.stderr:
        stream.write("--- end ---\\n")
"""
    commands = json.dumps([COMMANDS[name] for name in PIPED])
    done = subprocess.run(
        [sys.executable, "-c", script, commands],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    streams = (text.split("--- end ---\n") for text in (done.stdout, done.stderr))
    return dict(zip(PIPED, zip(*streams, strict=True), strict=False))


@pytest.mark.parametrize("name", PIPED)
def test_in_a_pipe_there_is_nothing_but_text(name, piped):
    text, errors = piped[name]
    assert (text + errors).replace("\n", "").isprintable()
    beside = NO_SOURCE if name in ("profile", "evaluate", "report") else ""
    assert errors == beside + "".join(f"wrote {path}\n" for path in WRITTEN.get(name, []))


@pytest.mark.parametrize(
    "command", ["--help", "-h", "compile --help", "compile -h", "nonsense", "run"]
)
def test_help_in_a_pipe_has_no_colours(command, folder):
    done = eie_in(folder, command)
    assert (done.stdout + done.stderr).replace("\n", "").isprintable()


def test_an_error_shows_no_hostile_name(folder):
    done = eie_in(folder, "trace mlp.so --input x.npy -o t.vcd --layer \x1b[31m")
    assert done.returncode == 2
    assert done.stderr.rstrip("\n").isprintable()


def test_a_hostile_name_in_a_program_is_written_out(folder):
    text = (folder / "program.mlir").read_text()
    (folder / "hostile.mlir").write_text(text.replace("fc1", "\\1B[31mfc1"))
    assert eie_in(folder, "asm hostile.mlir -o hostile.eieimg").returncode == 0
    done = eie_in(folder, "disasm hostile.eieimg")
    assert done.returncode == 0, done.stderr
    assert "[31mfc1" in done.stdout
    assert "\x1b" not in done.stdout


def test_numbers_that_are_not_finite_are_null(capsys):
    console.asked.only(json=True, quiet=False, verbose=False, debug=False)
    console.show({"a": float("nan"), "b": (1.5, [float("inf")])})
    console.asked.only(json=False, quiet=False, verbose=False, debug=False)
    assert json.loads(capsys.readouterr().out) == {
        "a": None,
        "b": [1.5, [None]],
        "not_finite": [],
        "saturated": [],
        "written": [],
    }


def test_run_prints_the_numbers(in_process, folder):
    outputs = json.loads(in_process("run mlp.so --input x.npy --json").out)["outputs"]
    expected = eie.run(folder / "mlp.so", np.load(folder / "x.npy"))
    assert [(row["dtype"], row["shape"]) for row in outputs] == [("float32", [8, 10])]
    np.testing.assert_array_equal(np.float32(outputs[0]["values"]), expected[0])


def test_compile_tells_its_plan(in_process):
    found = json.loads(in_process(f"{COMMANDS['compile']} --json").out)
    first = found["layers"][0]
    name = first.pop("name")
    assert name.startswith("fc1")
    stored = first.pop("stored_bytes")
    assert stored > 0
    assert first == {
        "runs_on": "machine",
        "source": name,
        "outputs": 16,
        "inputs": 24,
        "density": 0.5,
        "values": 15,
        "values_as_is": False,
        "float32_bytes": 4 * 16 * 24,
    }
    assert found["balance"]["mode"] == "on"
    assert name in found["balance"]["layers"]


def test_emit_prints_the_text_that_it_would_write(in_process, folder):
    (text,) = json.loads(in_process("compile mlp.onnx --emit eie --json").out)["parts"]
    assert text + "\n" == in_process("compile mlp.onnx --emit eie").out


# Options of every command


def test_verbose_tells_versions_and_steps(in_process):
    for command in ("compile mlp.onnx -o out.so -v", "--verbose compile mlp.onnx -o out.so"):
        versions, *steps, last = in_process(command).err.splitlines()
        assert steps.pop(2).startswith("mlp.onnx: its values were not compared: ")
        assert versions.startswith(f"Python {sys.version.split()[0]}, eie {eie.__version__}, TVM 0")
        assert [step.partition(":")[0] for step in steps] == [
            "importing mlp.onnx",
            "verifying mlp.onnx",
            "pruning",
            "sharing weights",
            "compressing and calibrating",
            "encoding",
            "compiling",
        ]
        assert all(step.endswith(" s") for step in steps)
        assert last == "wrote out.so"


def test_quiet_wins_over_verbose(in_process):
    assert in_process("run mlp.so --input x.npy --quiet --verbose").err == ""


@pytest.mark.parametrize("start", [cli.main, None], ids=["main", "app"])
def test_nothing_asked_is_left_for_the_next_run(start, in_process):
    def run(command):
        if start is not None:
            return in_process(command).out
        return CliRunner().invoke(cli.app, command.split()).stdout

    assert run("--json inspect mlp.eiez").startswith("{")
    assert not run("inspect mlp.eiez").startswith("{")


def test_version(folder):
    done = eie_in(folder, "--version")
    assert (done.returncode, done.stdout) == (0, f"eie {eie.__version__}\n")


# Streams and exit codes


def on_a_terminal(folder, command):
    """Run a command whose stderr is a terminal, and return what that shows."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [EIE, *command.split()],
        cwd=folder,
        env={**environment(), "TERM": "xterm", "COLUMNS": "80"},
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    ) as running:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # at its end, Linux says EIO
            while part := os.read(ours, 65536):
                shown += part
    os.close(ours)
    assert running.returncode == 0
    return shown.decode()


def test_a_terminal_shows_steps_and_the_time_that_remains(folder):
    shown = on_a_terminal(folder, "compile mlp.onnx -o out.so --density 0.5")
    for words in ("compressing and calibrating", "sharing weights", "encoding", "100%", "0:00:00"):
        assert words in shown
    assert "simulating" in on_a_terminal(folder, "run mlp.so --input x.npy")


def test_quiet_shows_nothing_on_a_terminal_either(folder):
    assert on_a_terminal(folder, "compile mlp.onnx -o out.so --quiet") == ""


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "command",
    [
        "disasm mlp.so",
        "disasm mlp.so -o -",
        "profile mlp.so --input x.npy",
        "inspect mlp.eiez --json",
    ],
)
def test_a_reader_that_goes_away_ends_the_command_quietly(command, folder):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [EIE, *command.split()],
        cwd=folder,
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_help_needs_neither_tvm_nor_numpy():
    script = (
        "import sys; sys.argv = ['eie', '--help']\n"
        "from eie_backend.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print({'numpy', 'onnx', 'tvm', 'tvm_ffi', 'xdsl'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "set()"


def test_the_help_groups_the_commands(folder):
    lines = eie_in(folder, "--help").stdout.splitlines()
    titles = [line.strip("╭╮─ ") for line in lines if line.startswith("╭")]
    assert titles == ["Options", "Options of every command", *cli.PANELS]
