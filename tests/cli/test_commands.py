"""Every command does what its help says."""

import json
import subprocess
import sys
from dataclasses import fields, replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import onnx
import pytest
import tvm
from every_command import NO_SOURCE
from onnx import TensorProto, helper, numpy_helper

import eie_backend as eie
from eie_backend import Recipe, cli
from eie_backend.cli.console import asked
from eie_backend.codegen.library import programs
from eie_backend.errors import SaturationWarning
from eie_backend.isa.assembly import from_dialect, parse_program, print_program
from eie_backend.isa.image import decode_image, encode_image
from eie_backend.profiler.accelergy import action_counts_yaml
from eie_backend.report import page
from eie_backend.storage.accounting import measure
from eie_backend.storage.container import save_eiez

COMMANDS = [name for commands in cli.PANELS.values() for name in commands]
DEMO = files("eie_backend") / "data" / "lenet_300_100.onnx"


def two_inputs():
    """Return a model of two layers, each with its own input and result."""
    rng = np.random.default_rng(3)
    weights = [
        numpy_helper.from_array(rng.normal(size=(6, 5)).astype(np.float32), name) for name in "vw"
    ]
    nodes = [
        helper.make_node("MatMul", ["a", "v"], ["c"], "left"),
        helper.make_node("MatMul", ["b", "w"], ["d"], "right"),
    ]
    inputs, outputs = (
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, [2, size]) for n in names]
        for names, size in (("ab", 6), ("cd", 5))
    )
    graph = helper.make_graph(nodes, "two", inputs, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def convolution():
    """Return a model of one 3x3 convolution in two groups, over 4 x 4 positions."""
    weights = np.random.default_rng(4).normal(size=(8, 4, 3, 3)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"], "conv", group=2)],
        "convolution",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 8, 6, 6])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 8, 4, 4])],
        [numpy_helper.from_array(weights, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture(scope="session")
def model(make_mlp):
    return make_mlp(24, 16, 10, batch=4)


RECIPE = """
density: {fc1: 0.25}
quality: {fc2: 0.5}
bits: {fc1: 2, "@dense": 4}
method: balanced
"""


@pytest.fixture(scope="session")
def x():
    return np.random.default_rng(1).normal(size=(8, 24)).astype(np.float32)


@pytest.fixture(scope="session")
def prepared(model, x, make_mlp, tmp_path_factory):
    """Return a folder with models, inputs and compiled libraries; only to be read."""
    folder = tmp_path_factory.mktemp("prepared")
    onnx.save(model, folder / "mlp.onnx")
    onnx.save(make_mlp(24, 16, 10, batch="batch"), folder / "dynamic.onnx")
    onnx.save(two_inputs(), folder / "two.onnx")
    onnx.save(convolution(), folder / "conv.onnx")
    (folder / "recipe.yaml").write_text(RECIPE)
    np.save(folder / "x.npy", x)
    np.savez(folder / "x.npz", x=x)
    np.save(folder / "labels.npy", np.arange(8))
    np.savez(folder / "labelled.npz", x=x, labels=np.arange(8))
    np.savez(folder / "ab.npz", a=x[:4, :6], b=x[4:, :6])
    eie.export_library(compiled(model), folder / "mlp.so")
    eie.export_library(eie.compile(eie.from_onnx(two_inputs())), folder / "two.so")
    return folder


def compiled(model, config=None, **options):
    return eie.compile(eie.from_onnx(model), config, **{"recipe": Recipe(), **options})


@pytest.fixture
def eie_in(prepared, tmp_path, monkeypatch, capsys):
    """Run a command that succeeds in a folder with the prepared files; return its stdout."""
    monkeypatch.chdir(tmp_path)
    for field in fields(asked):
        monkeypatch.setattr(asked, field.name, False)
    for path in prepared.iterdir():
        (tmp_path / path.name).symlink_to(path)

    def run(command):
        monkeypatch.setattr("sys.argv", ["eie", *command.split()])
        with pytest.raises(SystemExit) as leaving:
            cli.main()
        text, errors = capsys.readouterr()
        assert leaving.value.code == 0, errors
        run.stderr = errors
        return text

    return run


def images(found):
    """Return the images of a library, an executable or programs, whatever file they are from."""
    if isinstance(found, str):
        found = eie.load(found)
    found = found if isinstance(found, list | tuple) else programs(found)
    return [encode_image(replace(one, manifest={**one.manifest, "source": ""})) for one in found]


# Help


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example(command, eie_in):
    text = eie_in(f"{command} --help")
    lines = [line.strip() for line in text.splitlines()]
    assert "Example:" in lines
    assert any(line.startswith(f"eie {command} ") for line in lines)


def test_help_lists_the_commands(eie_in):
    text = eie_in("--help")
    assert all(f" {command} " in text for command in COMMANDS)


def test_without_arguments_the_help_is_shown(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["eie"])
    with pytest.raises(SystemExit) as leaving:
        cli.main()
    shown = "".join(capsys.readouterr())
    assert leaving.value.code == 2
    assert all(f" {command} " in shown for command in COMMANDS)


def test_installed_command_runs(tmp_path):
    script = Path(sys.executable).with_name("eie")
    done = subprocess.run([script, "--help"], capture_output=True, text=True, check=True)
    assert "compile" in done.stdout
    assert done.stderr == ""


# report


def test_report_writes_a_page(eie_in, x):
    told = eie_in("report mlp.so --input x.npy --labels labels.npy -o report.html")
    made = Path("report.html").read_text("utf-8")
    assert made == page(eie.profile("mlp.so", x), labels=np.arange(8))
    assert eie_in.stderr == f"{NO_SOURCE}wrote report.html\n"
    assert told.startswith("8 samples, ")
    assert "".join(told.split()) in "".join(made.split())


def test_report_takes_labels_beside_the_inputs(eie_in):
    eie_in("report mlp.so --input x.npy --labels labels.npy -o one.html")
    eie_in("report mlp.so --input labelled.npz -o two.html")
    eie_in("report mlp.so --input x.npy -o without.html")
    one, two, without = (Path(f"{name}.html").read_text() for name in ("one", "two", "without"))
    assert one == two
    assert 'id="accuracy"' in one
    assert 'id="accuracy"' not in without


def test_report_tells_its_numbers_as_json(eie_in, x):
    told = json.loads(eie_in("report mlp.so --input x.npy -o report.html --json"))
    expected = json.loads(eie.profile("mlp.so", x).to_json())
    assert told == {
        "not_finite": [],
        "report": expected,
        "saturated": [],
        "written": ["report.html"],
    }


# compile


def test_compile_writes_what_the_library_call_does(eie_in):
    eie_in("compile mlp.onnx -o out.so")
    assert images("out.so") == images(compiled("mlp.onnx"))


def test_compile_options_reach_the_program(eie_in, model, x):
    eie_in(
        "compile mlp.onnx -o out.so --density 0.5 --bits 3 --num-pe 8 --fifo-depth 4 "
        "--spmat-width 32 --accumulator-bits 32 --bias column --calibrate x.npy"
    )
    config = eie.HardwareConfig(num_pe=8, fifo_depth=4, spmat_width_bits=32, accumulator_bits=32)
    recipe = Recipe(density=0.5, bits=3)
    expected = compiled("mlp.onnx", config, recipe=recipe, calibration=x, bias="column")
    assert images("out.so") == images(expected)


def test_compile_takes_a_recipe_and_balances_for_its_machine(eie_in, model):
    eie_in("compile mlp.onnx -o out.so --recipe recipe.yaml --num-pe 8")
    recipe = Recipe(
        density={"fc1": 0.25},
        quality={"fc2": 0.5},
        bits={"fc1": 2, "@dense": 4},
        method="balanced",
    )
    expected = compiled("mlp.onnx", eie.HardwareConfig(num_pe=8), recipe=recipe)
    assert images("out.so") == images(expected)
    fc1 = programs(expected)[0].matrices[0].codes()
    assert [np.count_nonzero(fc1[pe::8]) for pe in range(8)] == [12] * 8
    assert set(np.count_nonzero(fc1, axis=1)) != {6}  # as 16 PEs or more would have it


def test_compile_in_float32(eie_in):
    eie_in("compile mlp.onnx -o out.so --arithmetic float32")
    assert programs(eie.load("out.so"))[0].arithmetic == "float32"


def test_compile_shows_where_layers_run(eie_in):
    text = eie_in("compile mlp.onnx -o out.so --density 0.25")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines()]
    assert [row[:4] for row in rows if row] == [
        ["fc1", "machine", "16 x 24", "0.250"],
        ["fc2", "machine", "10 x 16", "0.250"],
    ]
    assert eie_in.stderr == "wrote out.so\n"


@pytest.mark.parametrize("winograd", ["auto", "always", "never"])
def test_compile_takes_a_choice_for_convolutions(eie_in, winograd):
    text = eie_in(f"compile conv.onnx -o out.so --density 0.5 --winograd {winograd}")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines()]
    # The zeros between the groups count in neither the density nor the float32 size.
    direct = [["conv", "machine", "8 x 72", "0.500", "15 shared"]]
    products = [[f"- conv_w{k}", "machine", "8 x 8", "0.500", "15 shared"] for k in range(16)]
    beneath = [["conv", "machine", "16 matrices", "", ""], *products]
    assert [row[:5] for row in rows if row] == (direct if winograd == "never" else beneath)


def test_a_report_has_the_matrices_of_a_convolution_beneath_it(eie_in):
    eie_in("compile conv.onnx -o out.so --winograd always")
    np.save("conv.npy", np.ones((2, 8, 6, 6), np.float32))
    rows = [
        [cell.strip() for cell in line.split("│")[1:-1]]
        for line in eie_in("profile out.so --input conv.npy").splitlines()
    ]
    table = [row for row in rows if row][:18]
    assert [row[0] for row in table] == ["conv", *(f"- conv_w{k}" for k in range(16)), "all layers"]
    whole, *parts = (float(row[2].replace(",", "")) for row in table[:-1])
    assert whole == pytest.approx(sum(parts), abs=0.1 * len(parts))


def test_compile_binds_a_dynamic_dimension(eie_in, model):
    eie_in("compile dynamic.onnx -o out.so --bind batch=2")
    assert json.loads(programs(eie.load("out.so"))[0].manifest["interface"]) == [
        ["x", [2, 24], "float32"]
    ]


@pytest.mark.parametrize("value", ["2", "2.0", "[2]", "two.npy"])
def test_compile_binds_an_input_to_a_value(eie_in, value):
    nodes = [
        helper.make_node("Gemm", ["x", "w"], ["h"], "fc"),
        helper.make_node("Mul", ["h", "k"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "graph",
        [
            helper.make_tensor_value_info(n, TensorProto.FLOAT, s)
            for n, s in (("x", [1, 4]), ("k", [1]))
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])],
        [numpy_helper.from_array(np.eye(4, 3, dtype="f"), "w")],
    )
    onnx.save(helper.make_model(graph, ir_version=8), "scaled.onnx")
    np.save("two.npy", np.float32([2]))
    for command in ("explain scaled.onnx", "compile scaled.onnx -o out.so"):
        eie_in(f"{command} --bind-value k={value}")
    assert json.loads(programs(eie.load("out.so"))[0].manifest["interface"]) == [
        ["x", [1, 4], "float32"]
    ]


def test_a_model_in_half_precision_is_told_once(eie_in, model):
    proto = onnx.ModelProto()
    proto.CopyFrom(model)
    for tensor in proto.graph.initializer:
        half = numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(numpy_helper.from_array(half, tensor.name))
    for value in (*proto.graph.input, *proto.graph.output):
        value.type.tensor_type.elem_type = TensorProto.FLOAT16
    onnx.save(proto, "half.onnx")
    eie_in("compile half.onnx -o out.so")
    assert eie_in.stderr == (
        "eie: warning: half.onnx: what is float16 in it is computed in float32; give x as float32\n"
        "wrote out.so\n"
    )


def test_compile_replaces_a_file(eie_in):
    Path("out.so").write_text("old")
    eie_in("compile mlp.onnx -o out.so")
    assert images("out.so") == images("mlp.so")


@pytest.mark.parametrize("mode", ["on", "auto"])
def test_compile_balances_and_shows_the_cycles(mode, eie_in, model, x):
    command = "compile mlp.onnx --density 0.3 --num-pe 4 --calibrate x.npy"
    text = eie_in(f"{command} -o out.so --balance {mode}")
    options = {"recipe": Recipe(density=0.3), "calibration": x, "balance": mode}
    executable = compiled("mlp.onnx", eie.HardwareConfig(num_pe=4), **options)
    assert images("out.so") == images(executable)
    assert f"Load balance {mode}: cycles per sample" in text
    for layer in eie.profile(executable, x).layers:
        (row,) = (line for line in text.splitlines() if f" {layer.name} " in line and "x │" in line)
        assert f" {layer.cycles_per_sample:,.1f} " in row
    assert "Load balance" not in eie_in(f"{command} -o off.so")
    assert images("off.so") != images("out.so")


@pytest.mark.parametrize("stage", ["relax", "compressed", "partitioned", "tir", "eie"])
def test_emit_text_to_the_screen(stage, eie_in):
    text = eie_in(f"compile mlp.onnx --emit {stage}")
    for layer in ("fc1", "fc2"):
        assert layer in text
    assert {
        "relax": "R.matmul(x",
        "compressed": '"eie.recipe"',
        "partitioned": '"Composite": "eie.dense_bias_relu"',
        "tir": "T.eie.mvm(",
        "eie": "eie.mvm",
    }[stage] in text
    assert max(map(len, text.splitlines())) < 1200  # the manifest is one line


def test_emit_eie_to_a_file_can_be_parsed_back(eie_in):
    assert eie_in("compile mlp.onnx --emit eie -o out.mlir") == ""
    text = Path("out.mlir").read_text()
    program = parse_program(text)
    assert print_program(program) == text
    assert images([from_dialect(program)]) == images("mlp.so")


def test_emit_image_to_a_file_is_what_the_library_holds(eie_in):
    eie_in("compile mlp.onnx --emit image -o out.bin")
    assert images(decode_image(Path("out.bin").read_bytes())) == images("mlp.so")


@pytest.mark.parametrize("stage", ["relax", "compressed"])
def test_emit_relax_to_a_file_can_be_run(stage, eie_in, x):
    eie_in(f"compile mlp.onnx --emit {stage} -o out.py")
    mod = tvm.script.from_source(Path("out.py").read_text())
    executable = eie.compile(mod)
    np.testing.assert_array_equal(eie.run(executable, x)[0], eie.run("mlp.so", x)[0])


@pytest.mark.parametrize("stage", ["partitioned", "tir"])
def test_emit_to_a_file_holds_all_constants(stage, eie_in):
    eie_in(f"compile mlp.onnx --emit {stage} -o out.py")
    assert len(Path("out.py").read_text()) > len(eie_in(f"compile mlp.onnx --emit {stage}"))


def test_emit_of_two_programs_is_two_texts_or_one_image(eie_in):
    eie_in("compile two.onnx --emit eie -o out.mlir")
    assert Path("out_1.mlir").exists()
    eie_in("compile two.onnx --emit image -o out.bin")
    found = decode_image(Path("out.bin").read_bytes())
    assert {program.layers for program in found} == {("left",), ("right",)}


def test_strict_compiles_a_model_whose_layers_all_run_on_the_machine(eie_in):
    eie_in("compile mlp.onnx -o out.so --strict")
    assert images("out.so") == images("mlp.so")


# explain


def test_explain_shows_every_operator(eie_in):
    text = eie_in("explain mlp.onnx")
    assert text.startswith("The machine runs 2 of 2 layers")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines()]
    assert [row for row in rows if row] == [
        ["fc1", "matmul", "machine", ""],
        ["fc1_add", "add", "machine", "part of fc1"],
        ["relu1", "nn.relu", "machine", "part of fc1"],
        ["fc2", "matmul", "machine", ""],
        ["fc2_add", "add", "machine", "part of fc2"],
    ]
    assert json.loads(eie_in("explain mlp.onnx --json")) == {
        "operators": [vars(row) for row in eie.explain(eie.from_onnx("mlp.onnx"))],
        "not_finite": [],
        "saturated": [],
        "written": [],
    }


def test_explain_takes_the_options_that_change_the_answer(eie_in):
    assert " 0 of 2 " not in eie_in("explain dynamic.onnx --bind batch=1 --num-pe 1")


# pack, unpack and inspect


def rows_of(text):
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines()]
    return {row[0]: row[1:] for row in rows if row}


def test_pack_and_unpack_give_the_model_back(eie_in, model):
    eie_in("pack mlp.onnx -o out.eiez")
    assert eie_in.stderr == "wrote out.eiez\n"
    eie_in("unpack out.eiez -o out.onnx")
    assert eie_in.stderr == "wrote out.onnx\n"
    assert Path("out.onnx").read_bytes() == Path("mlp.onnx").read_bytes()
    eie_in("compile out.eiez -o out.so")
    assert images("out.so") == images("mlp.so")


def test_pack_shows_what_layers_take(eie_in, model):
    (tensor,) = (t for t in model.graph.initializer if t.name == "fc1.weight")
    weights = np.round(numpy_helper.to_array(tensor)) / 2
    changed = onnx.ModelProto.FromString(model.SerializeToString())
    changed.graph.initializer[0].CopyFrom(numpy_helper.from_array(weights, "fc1.weight"))
    onnx.save(changed, "few.onnx")
    Path("recipe.yaml").write_text("index_bits: {fc1: 2}\n")
    text = eie_in("pack few.onnx -o few.eiez --recipe recipe.yaml")
    layer = measure(weights + np.float32(0), index_bits=2)
    rows = rows_of(text)
    assert rows["fc1"] == rows["all layers"]
    assert rows["fc1"][:2] == [f"{weights.size}", f"{layer.density:.1%}"]
    assert rows["fc1"][3].startswith("2.0→")
    assert rows["fc1"][-1] == f"{layer.rate(layer.paper_huffman_bits):.1f}x"
    parts = [int(row[0].replace(",", "")) for row in rows.values() if len(row) == 2]
    assert parts[-1] == Path("few.eiez").stat().st_size
    assert sum(parts[:-1]) == pytest.approx(parts[-1], abs=len(parts))
    assert eie_in("inspect few.eiez").startswith(text)


def test_inspect_shows_what_was_noted(eie_in, model):
    save_eiez("noted.eiez", model, Recipe(density=0.5), {"accuracy": 0.98})
    text = eie_in("inspect noted.eiez")
    assert "written by: eie-backend" in text
    assert "'density': 0.5" in text
    assert text.endswith("accuracy: 0.98\n")


# asm and disasm


def test_disasm_and_asm_of_a_library(eie_in):
    eie_in("disasm mlp.so -o out.mlir")
    assert eie_in.stderr == "wrote out.mlir\n"
    eie_in("asm out.mlir -o out.eieimg")
    assert eie_in.stderr == "wrote out.eieimg\n"
    assert images(decode_image(Path("out.eieimg").read_bytes())) == images("mlp.so")
    assert eie_in("disasm out.eieimg -o -") == Path("out.mlir").read_text()
    assert eie_in.stderr == ""


def test_disasm_of_two_programs_is_one_file_and_asm_makes_one_image(eie_in):
    eie_in("disasm two.so -o out.mlir")
    eie_in("asm out.mlir -o out.eieimg")
    found = Path("out.eieimg").read_bytes()
    assert found == encode_image(*programs(eie.load("two.so")))
    assert eie_in("disasm out.eieimg -o -") == Path("out.mlir").read_text()


def test_disasm_on_screen_names_layers_and_elides_constants(eie_in):
    text = eie_in("disasm mlp.so")
    assert 'eie.mvm "fc1" matrix = 0' in text
    assert 'eie.mvm "fc2" matrix = 1' in text
    assert "dense_resource<elided_" in text


# run


def test_run_prints_the_results(eie_in, x):
    text = eie_in("run mlp.so --input x.npy")
    assert text.startswith("output 0: float32 (8, 10)\n")
    expected = eie.run("mlp.so", x)[0]
    assert f"{expected[0, 0]:.6f}"[:6] in text or f"{expected[0, 0]:.6e}" in text


def test_run_writes_npy(eie_in, x):
    eie_in("run mlp.so --input x.npy -o y.npy")
    assert np.load("y.npy").tobytes() == eie.run("mlp.so", x)[0].tobytes()
    assert eie_in.stderr == "wrote y.npy\n"


def test_run_writes_npz(eie_in, x):
    eie_in("run mlp.so --input x.npy -o y.npz")
    with np.load("y.npz") as found:
        assert found.files == ["arr_0"]
        np.testing.assert_array_equal(found["arr_0"], eie.run("mlp.so", x)[0])


def test_run_reads_npz(eie_in):
    assert eie_in("run mlp.so --input x.npz") == eie_in("run mlp.so --input x.npy")


def test_run_with_two_inputs_and_results(eie_in):
    eie_in("run two.so --input ab.npz -o cd.npz")
    with np.load("ab.npz") as inputs:
        expected = eie.run("two.so", dict(inputs))
    with np.load("cd.npz") as found:
        for number, value in enumerate(expected):
            np.testing.assert_array_equal(found[f"arr_{number}"], value)
    text = eie_in("run two.so --input ab.npz")
    assert "output 0: float32 (4, 5)" in text
    assert "output 1: float32 (4, 5)" in text


# profile


def test_profile_prints_every_layer(eie_in, x):
    text = eie_in("profile mlp.so --input x.npy")
    report = eie.profile("mlp.so", x)
    assert text.startswith("Per sample: 64 PEs at 800 MHz, int16")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines()]
    for layer, row in zip(report.layers, [row for row in rows if row], strict=False):
        assert row[0] == layer.name
        assert row[1] == f"{layer.cycles_per_sample:,.1f}"
        assert row[2] == f"{layer.microseconds_per_sample:.3f}"
    assert "all layers" in text
    assert "Weights are resident" in text
    assert "saturated" not in text


def test_profile_counts_the_vectors_of_a_convolution(eie_in):
    eie_in("compile conv.onnx -o out.so --winograd never")
    images = np.ones((4, 8, 6, 6), np.float32)
    np.save("images.npy", images)
    text = eie_in("profile out.so --input images.npy")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines()]
    (layer,) = eie.profile("out.so", images).layers
    assert next(row for row in rows if row)[:3] == ["conv", "16", f"{layer.cycles_per_sample:,.1f}"]


@pytest.mark.parametrize("engine", ["event", "clock"])
def test_profile_says_where_the_pe_cycles_went(eie_in, x, engine):
    text = eie_in(f"profile mlp.so --input x.npy --engine {engine}")
    table = text.split("Where the PE cycles went")[1].split("Energy per sample")[0]
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in table.splitlines()]
    report = eie.profile("mlp.so", x)
    for layer, row in zip(report.layers, [row for row in rows if row], strict=True):
        shares = [n / sum(layer.breakdown.values()) for n in layer.breakdown.values()]
        assert row == [layer.name, *(f"{share:.1%}" for share in shares)]


def test_profile_tells_of_saturations(eie_in, x):
    eie_in("compile mlp.onnx -o out.so --calibrate x.npy")
    np.save("large.npy", 1000 * x)
    text = " ".join(eie_in("profile out.so --input large.npy").split())
    with pytest.warns(SaturationWarning):
        total = sum(eie.profile("out.so", 1000 * x).saturations.values())
    assert f"{total:,} values saturated (" in text
    assert "representative" in text


def test_profile_prints_json(eie_in, x):
    data = json.loads(eie_in("profile mlp.so --input x.npy --json"))
    expected = json.loads(eie.profile("mlp.so", x).to_json())
    beside = {"accuracy": None, "reference_accuracy": None, "saturated": [], "written": []}
    assert data == expected | beside
    assert data.keys() >= {"arithmetic", "config", "engine", "layers", "manifest", "setup"}
    assert "saturations" in data
    assert data["layers"][0].keys() >= {"name", "counters", "cycles_per_sample", "energy_pj"}
    assert eie_in.stderr == NO_SOURCE


def test_profile_prints_energy_and_power(eie_in, x):
    text = eie_in("profile mlp.so --input x.npy")
    _, energy = text.split("Energy per sample in nJ, 40.8 mm2")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in energy.splitlines()]
    for layer, row in zip(eie.profile("mlp.so", x).layers, filter(None, rows), strict=True):
        sram, arithmetic, clock, dram = (
            f"{layer.energy_by_part_pj[part] / layer.samples / 1000:,.1f}"
            for part in ("sram", "arithmetic", "clock", "dram")
        )
        assert row == [layer.name, sram, arithmetic, clock, f"{layer.milliwatt:,.1f}", dram]


def test_profile_takes_a_table_and_writes_action_counts(eie_in, x):
    shipped = files("eie_backend") / "data" / "energy_45nm.yaml"
    Path("own.yaml").write_text(shipped.read_text("utf-8").replace("value: 0.112", "value: 1.12"))
    command = "profile mlp.so --input x.npy --energy own.yaml --accelergy counts.yaml"
    data = json.loads(eie_in(f"{command} --json"))
    assert eie_in.stderr == f"{NO_SOURCE}wrote counts.yaml\n"
    report = eie.profile("mlp.so", x, energy="own.yaml")
    beside = {"accuracy": None, "reference_accuracy": None, "saturated": []}
    assert data == json.loads(report.to_json()) | beside | {"written": ["counts.yaml"]}
    assert Path("counts.yaml").read_text() == action_counts_yaml(report)


# trace


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("t.perfetto-trace", "perfetto"),
        ("t.pftrace", "perfetto"),
        ("t.vcd", "vcd"),
        ("t.svg", "svg"),
    ],
)
def test_trace_writes_what_the_library_call_returns(eie_in, x, name, form):
    text = eie_in(f"trace mlp.so --input x.npy -o {name}")
    expected = eie.trace("mlp.so", x, form)
    assert Path(name).read_bytes() == expected.data
    assert text.startswith(f"edges 1 to {expected.cycles} of {expected.cycles}, ")
    assert eie_in.stderr == f"wrote {name}\n"


def test_trace_options_reach_the_trace(eie_in, x):
    eie_in("trace mlp.so --input x.npy -o t.vcd --sample 5 --layer fc2 --window 3:9")
    expected = eie.trace("mlp.so", x, "vcd", sample=5, layer="fc2", window=(3, 9))
    assert Path("t.vcd").read_bytes() == expected.data
    assert (expected.start, expected.stop) == (3, 9)


def test_trace_says_where_it_ends_early(eie_in, x):
    text = eie_in("trace mlp.so --input x.npy -o t.perfetto-trace --max-bytes 40000")
    part = eie.trace("mlp.so", x, max_bytes=40000)
    assert Path("t.perfetto-trace").stat().st_size <= 40000
    assert f"edges 1 to {part.stop - 1} of {part.cycles}" in text
    assert "It ends early: more would pass 40.0 kB." in text
    assert f"--window {part.stop}:\n" in text
    eie_in(f"trace mlp.so --input x.npy -o rest.perfetto-trace --window {part.stop}:")


# demo


@pytest.mark.skipif(not DEMO.is_file(), reason="the trained network is not in eie_backend/data")
def test_demo_keeps_the_accuracy(eie_in):
    text = eie_in("demo")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines()]
    by_name = {row[0]: row[1:] for row in rows if len(row) > 1}
    names = list(by_name)[:3]
    assert names[1] == "EIE, density 0.15, 4 bits, one shot"
    host, one_shot, retrained = (float(by_name[name][0].rstrip("%")) for name in names)
    assert host >= 98.3
    assert min(one_shot, retrained) >= host - 0.5
    cycles = [float(by_name[layer][0].replace(",", "")) for layer in ("fc1", "fc2", "fc3")]
    total = float(by_name["all layers"][0].replace(",", ""))
    assert total == pytest.approx(sum(cycles), abs=0.2)
    cycles_one_shot, cycles_retrained = (float(by_name[name][2]) for name in names[1:])
    assert cycles_retrained == total < cycles_one_shot
    assert "smaller" in text


@pytest.mark.skipif(not DEMO.is_file(), reason="the trained network is not in eie_backend/data")
def test_demo_takes_another_machine(eie_in):
    assert "16 PEs at 800 MHz" in eie_in("demo --num-pe 16 --density 0.1")


def test_compile_says_which_weights_fit_as_they_are(eie_in):
    def values(density):
        text = eie_in(f"compile mlp.onnx -o out.so {density}")
        rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines()]
        return [row[4] for row in rows if row]

    # 39 of 384 weights are kept, and 16 of 160: more than the codebook shares.
    assert values("--density 0.1") == ["15 shared", "15 shared"]
