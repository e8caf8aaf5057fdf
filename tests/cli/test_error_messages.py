"""Bad input: one line that says what, where and what to do; exit code 2; nothing left behind.

Every golden file is a command, its exit code and its stderr.
"""

import gc
import io
import os
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from tvm.relax import VMExecutable

import eie_backend as eie
from eie_backend import cli, compiler
from eie_backend.cli.console import asked
from eie_backend.codegen.library import programs
from eie_backend.isa.image import encode_image
from eie_backend.isa.source_file import disassemble
from eie_backend.storage.container import save_eiez

WRONG_PAIR = """
import importlib.metadata as metadata
installed = metadata.version
metadata.version = lambda name: "0.1.15" if name == "apache-tvm-ffi" else installed(name)
"""
"""A `sitecustomize` that makes the installed tvm-ffi look like one that crashes."""


FAULTY_RECIPE = b"""density: {fc1: 2}
bits: 4.5
method: smallest
index_bits: 0
schedule: {fc1: {start: 0, steps: 0}}
sparsity: 0.9
"""

OTHER_LAYERS = b"""density: {fc1: 0.001, conv: 0.5, fc2: 0.5}
quality: {fc2: 1}
"""

FAULTY_FLIPS = b"""- {unit: spmat, matrix: 0, pe: 64, entry: 0, bit: 0}
- {unit: spmat, matrix: 0, pe: 0, entry: 0, bit: 8}
- {unit: codebook, matrix: 0, code: 0, bit: 0}
- {unit: act, step: 0, value: 0, bit: 0}
- {unit: dram}
"""

PARTIAL_TABLE = b"""rows:
- {module: lnzd, event: cycles, value: -1, unit: mW, source: measured}
- {module: lnzd, event: area, value: 189, unit: mm2, source: measured}
- {module: arith, event: int4_multiply, value: 0.03, unit: pJ, source: guessed}
- {module: arith, event: entries}
"""


def onnx_bytes(nodes, inputs, outputs, weights=()):
    infos = [
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in values.items()]
        for values in (inputs, outputs)
    ]
    graph = helper.make_graph(nodes, "graph", *infos, list(weights))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()


def with_value(model, tensor, value):
    """Return an ONNX model's bytes with the first three numbers of a tensor replaced."""
    found = next(t for t in model.graph.initializer if t.name == tensor)
    changed = numpy_helper.to_array(found).copy()
    changed.flat[:3] = value
    found.CopyFrom(numpy_helper.from_array(changed, tensor))
    return model.SerializeToString()


def as_dtype(model, dtype):
    for tensor in model.graph.initializer:
        changed = numpy_helper.to_array(tensor).astype(dtype)
        tensor.CopyFrom(numpy_helper.from_array(changed, tensor.name))
    element = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.elem_type = element
    return model.SerializeToString()


def npy(array, **options):
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def cnn():
    """Return a model with a layer that the machine does not run: it has several matrices."""
    ones = {"k": (3, 1, 3, 3), "v": (12, 6), "w": (6, 5)}
    nodes = [
        helper.make_node("Conv", ["x", "k"], ["c"], "conv", dilations=[2, 2]),
        helper.make_node("Flatten", ["c"], ["f"], "flat"),
        helper.make_node("MatMul", ["f", "v"], ["h"], "fc1"),
        helper.make_node("MatMul", ["h", "w"], ["g"], "fc2"),
        helper.make_node("MatMul", ["g", "m"], ["y"], "scores"),
    ]
    weights = [numpy_helper.from_array(np.ones(s, np.float32), n) for n, s in ones.items()]
    several = np.arange(20, dtype=np.float32).reshape(2, 5, 2)
    weights.append(numpy_helper.from_array(several, "m"))
    return onnx_bytes(nodes, {"x": [2, 1, 6, 6]}, {"y": [2, 2, 2]}, weights)


def two_inputs(mlp):
    """Return two one-layer networks in one model."""
    values = {"v": 1, "w": 2}  # equal functions would be one
    weights = [
        numpy_helper.from_array(np.full((6, 5), value, np.float32), name)
        for name, value in values.items()
    ]
    nodes = [
        helper.make_node("MatMul", ["a", "v"], ["c"], "left"),
        helper.make_node("MatMul", ["b", "w"], ["d"], "right"),
    ]
    ends = ({"a": [2, 6], "b": [2, 6]}, {"c": [2, 5], "d": [2, 5]})
    return onnx_bytes(nodes, *ends, weights)


@pytest.fixture(scope="session")
def files(make_mlp, tmp_path_factory):
    """Content by name of all files that the commands below mention."""

    def mlp(batch=4):
        return make_mlp(24, 16, 10, batch=batch)

    good = mlp().SerializeToString()
    unnamed = mlp()
    unnamed.graph.input[0].type.tensor_type.shape.dim[0].Clear()
    folder = tmp_path_factory.mktemp("libraries")
    eie.export_library(eie.compile(eie.from_onnx(mlp())), folder / "mlp.so")
    eie.export_library(eie.compile(eie.from_onnx(two_inputs(mlp))), folder / "two.so")
    library = (folder / "mlp.so").read_bytes()
    save_eiez(folder / "mlp.eiez", mlp())
    packed = (folder / "mlp.eiez").read_bytes()
    middle = len(library) // 2
    x = np.zeros((8, 24), np.float32)
    objects = np.array([{}], dtype=object)
    found = programs(eie.load(folder / "mlp.so"))
    image, text = encode_image(found[0]), disassemble(found)
    slower = replace(found[0], symbol="slower", config=replace(found[0].config, clock_mhz=400))
    relu = helper.make_node("Relu", ["x"], ["y"])
    product = helper.make_node("MatMul", ["a", "b"], ["y"], "scores")
    misspelt = helper.make_node("Add", ["x", "fc1.byas"], ["y"], "fc1_add")
    joined = helper.make_node("Concat", ["x", "x"], ["y"], "joined", axis=5)
    unknown = helper.make_node("Fancy", ["x"], ["y"])
    return {
        "mlp.onnx": good,
        "text.onnx": b"this is not ONNX\n",
        "empty.onnx": b"",
        "truncated.onnx": good[: len(good) // 2],
        "relu.onnx": onnx_bytes([relu], {"x": [1, 4]}, {"y": [1, 4]}),
        "product.onnx": onnx_bytes([product], {"a": [1, 4], "b": [4, 3]}, {"y": [1, 3]}),
        "fancy.onnx": onnx_bytes([unknown], {"x": [1, 4]}, {"y": [1, 4]}),
        "byas.onnx": onnx_bytes([misspelt], {"x": [1, 4], "fc1.bias": [4]}, {"y": [1, 4]}),
        "axis.onnx": onnx_bytes([joined], {"x": [1, 4]}, {"y": [2, 4]}),
        "cnn.onnx": cnn(),
        "list.yaml": b"- density\n",
        "fields.yaml": FAULTY_RECIPE,
        "layers.yaml": OTHER_LAYERS,
        "dynamic.onnx": mlp("batch").SerializeToString(),
        "unnamed.onnx": unnamed.SerializeToString(),
        "wide.onnx": make_mlp(1100, 4, batch=1).SerializeToString(),
        "double.onnx": as_dtype(mlp(), "float64"),
        "nan.onnx": with_value(mlp(), "fc2.weight", np.nan),
        "infinite.onnx": with_value(mlp(), "fc1.weight", -np.inf),
        "nan_bias.onnx": with_value(mlp(), "fc2.bias", np.nan),
        "x.npy": npy(x),
        "shape.npy": npy(x[:, 1:]),
        "batch.npy": npy(x[:6]),
        "truths.npy": npy(x > 0),
        "nan.npy": npy(x * np.nan),
        "pickled.npy": npy(objects, allow_pickle=True),
        "pickled.npz": npz(x=objects),
        "text.npy": b"0.5, 0.25\n",
        "truncated.npy": npy(x)[:300],
        "names.npz": npz(image=x, label=x),
        "none.npz": npz(),
        "one_of_two.npz": npz(a=np.zeros((2, 6), np.float32)),
        "batches.npz": npz(a=np.zeros((2, 6), np.float32), b=np.zeros((4, 6), np.float32)),
        "ab.npz": npz(a=np.zeros((2, 6), np.float32), b=np.zeros((2, 6), np.float32)),
        "few.npy": npy(np.zeros(7, np.int64)),
        "floats.npz": npz(x=x, labels=np.zeros(8)),
        "classes.npy": npy(np.arange(4, 12)),
        "partial.yaml": PARTIAL_TABLE,
        "flips.yaml": FAULTY_FLIPS,
        "broken.yaml": b"rows: [\n",
        "program.mlir": text.encode(),
        "syntax.mlir": text.replace("eie.mvm", "eie.mwm").encode(),
        "operand.mlir": text.replace("src_row = ", "src_row = 7777777").encode(),
        "elided.mlir": disassemble(found, elide=True).encode(),
        "two.mlir": disassemble(found * 2).encode(),
        "machines.mlir": disassemble([*found, slower]).encode(),
        "two.onnx": two_inputs(mlp),
        "truncated.eieimg": image[:100],
        "altered.eieimg": image[:-1] + bytes([image[-1] ^ 1]),
        "version.eieimg": image[:8] + bytes([99]) + image[9:],
        "mlp.so": library,
        "two.so": (folder / "two.so").read_bytes(),
        "text.so": b"hello\n",
        "truncated.so": library[:middle],
        "mlp.eiez": packed,
        "text.eiez": b"hello\n",
        "truncated.eiez": packed[: len(packed) // 2],
        "altered.eiez": packed[:500] + bytes([packed[500] ^ 1]) + packed[501:],
        "version.eiez": packed[:8] + bytes([9]) + packed[9:],
        "altered.so": library[:middle] + bytes([library[middle] ^ 1]) + library[middle + 1 :],
    }


@pytest.fixture
def eie_in(tmp_path, files, monkeypatch, capfd):
    """Run a command in a folder with the files that it mentions.

    Returns the exit code and stderr, after checking that no file is left behind. Stderr is also
    what C++ writes, and what objects write that only the error has kept alive.
    """
    for field in fields(asked):
        monkeypatch.setattr(asked, field.name, False)

    def run(command):
        monkeypatch.chdir(tmp_path)
        for name in command.split():
            if name in files:
                (tmp_path / name).write_bytes(files[name])
        before = sorted(tmp_path.iterdir())
        monkeypatch.setattr("sys.argv", ["eie", *command.split()])
        with pytest.raises(SystemExit) as leaving:
            cli.main()
        assert sorted(tmp_path.iterdir()) == before
        code = leaving.value.code
        del leaving
        gc.collect()
        return code, capfd.readouterr().err

    return run


CASES = {
    # The model
    "missing_model": "compile missing.onnx -o out.so",
    "folder_as_model": "compile . -o out.so",
    "text_as_model": "compile text.onnx -o out.so",
    "empty_model": "compile empty.onnx -o out.so",
    "truncated_model": "compile truncated.onnx -o out.so",
    "no_dense_layer": "compile relu.onnx -o out.so",
    "weights_not_constant": "compile product.onnx -o out.so",
    "weights_float64": "compile double.onnx -o out.so",
    "layer_too_large": "compile wide.onnx -o out.so --num-pe 1",
    "unknown_operator": "compile fancy.onnx -o out.so",
    "unknown_tensor": "compile byas.onnx -o out.so",
    "importer_fails": "compile axis.onnx -o out.so",
    "dynamic_dimension": "compile dynamic.onnx -o out.so",
    "dynamic_dimension_without_name": "compile unnamed.onnx -o out.so",
    "bind_unknown_dimension": "compile dynamic.onnx -o out.so --bind n=1",
    "bind_nothing_dynamic": "compile mlp.onnx -o out.so --bind batch=1",
    "bind_zero": "compile dynamic.onnx -o out.so --bind batch=0",
    "bind_without_value": "compile dynamic.onnx -o out.so --bind batch",
    "bind_not_a_number": "compile dynamic.onnx -o out.so --bind batch=²",
    "bind_value_without_value": "compile mlp.onnx -o out.so --bind-value x",
    "bind_value_text": "compile mlp.onnx -o out.so --bind-value x=fast",
    "bind_value_unknown": "compile mlp.onnx -o out.so --bind-value rate=1",
    "bind_value_shape": "explain mlp.onnx --bind-value x=[1,2]",
    "bind_value_missing_file": "compile mlp.onnx -o out.so --bind-value x=missing.npy",
    "nan_weights": "compile nan.onnx -o out.so",
    "infinite_weights": "compile infinite.onnx -o out.so --density 0.5",
    "nan_bias": "compile nan_bias.onnx -o out.so",
    "strict": "compile cnn.onnx -o out.so --strict",
    "explain_missing": "explain missing.onnx",
    "explain_dynamic_dimension": "explain dynamic.onnx",
    # The recipe and the machine
    "density_zero": "compile mlp.onnx -o out.so --density 0",
    "density_above_one": "compile mlp.onnx -o out.so --density 1.5",
    "density_nan": "compile mlp.onnx -o out.so --density nan",
    "bits_zero": "compile mlp.onnx -o out.so --bits 0",
    "bits_above_the_machine": "compile mlp.onnx -o out.so --bits 5",
    "recipe_all_faults": "compile mlp.onnx -o out.so --density -1 --bits 9",
    "recipe_missing": "compile mlp.onnx -o out.so --recipe missing.yaml",
    "recipe_folder": "compile mlp.onnx -o out.so --recipe .",
    "recipe_not_yaml": "compile mlp.onnx -o out.so --recipe broken.yaml",
    "recipe_not_text": "compile mlp.onnx -o out.so --recipe mlp.so",
    "recipe_list": "compile mlp.onnx -o out.so --recipe list.yaml",
    "recipe_file_faults": "compile mlp.onnx -o out.so --recipe fields.yaml",
    "recipe_other_layers": "compile mlp.onnx -o out.so --recipe layers.yaml",
    "recipe_and_options": "compile mlp.onnx -o out.so --recipe layers.yaml --density 1 --bits 4",
    "density_empties_a_layer": "compile mlp.onnx -o out.so --density 0.001",
    "config_all_faults": "compile mlp.onnx -o out.so --num-pe 0 --fifo-depth 1 --spmat-width 4",
    "config_word_width": "compile mlp.onnx -o out.so --spmat-width 60 --accumulator-bits 20",
    "arithmetic": "compile mlp.onnx -o out.so --arithmetic int4",
    "balance": "compile mlp.onnx -o out.so --balance yes",
    "engine": "profile mlp.so --input x.npy --engine fast",
    "bias": "compile mlp.onnx -o out.so --bias none",
    "winograd": "compile mlp.onnx -o out.so --winograd perhaps",
    # What to write, and where
    "emit_unknown": "compile mlp.onnx -o out.so --emit assembly",
    "nowhere_to_write": "compile mlp.onnx",
    "image_on_screen": "compile mlp.onnx --emit image",
    "output_folder_missing": "compile mlp.onnx -o missing/out.so",
    "output_suffix": "compile mlp.onnx -o out.model",
    "emit_folder_missing": "compile mlp.onnx --emit eie -o missing/out.mlir",
    "result_folder_missing": "run mlp.so --input x.npy -o missing/y.npy",
    "result_npy_for_two": "run two.so --input ab.npz -o y.npy",
    "json_and_image_on_standard_output": "compile mlp.onnx --emit image -o - --json",
    "json_and_text_on_standard_output": "disasm mlp.so -o - --json",
    # Calibration data
    "calibrate_missing": "compile mlp.onnx -o out.so --calibrate missing.npz",
    "calibrate_shape": "compile mlp.onnx -o out.so --calibrate shape.npy",
    "calibrate_dtype": "compile mlp.onnx -o out.so --calibrate truths.npy",
    "calibrate_names": "compile mlp.onnx -o out.so --calibrate names.npz",
    "calibrate_nan": "compile mlp.onnx -o out.so --calibrate nan.npy",
    "calibrate_not_arrays": "compile mlp.onnx -o out.so --calibrate mlp.onnx",
    # Inputs
    "input_missing": "run mlp.so --input missing.npy",
    "input_shape": "run mlp.so --input shape.npy",
    "input_part_of_a_batch": "run mlp.so --input batch.npy",
    "input_dtype": "run mlp.so --input truths.npy",
    "input_text": "run mlp.so --input text.npy",
    "input_truncated": "run mlp.so --input truncated.npy",
    "input_pickled": "run mlp.so --input pickled.npy",
    "input_pickled_npz": "run mlp.so --input pickled.npz",
    "input_empty_npz": "run mlp.so --input none.npz",
    "input_folder": "run mlp.so --input .",
    "input_one_array_for_two": "run two.so --input x.npy",
    "input_one_of_two": "profile two.so --input one_of_two.npz",
    "input_unlike_batches": "run two.so --input batches.npz",
    # Energy tables
    "energy_missing": "profile mlp.so --input x.npy --energy missing.yaml",
    "energy_broken": "profile mlp.so --input x.npy --energy broken.yaml",
    "energy_all_faults": "profile mlp.so --input x.npy --energy partial.yaml",
    "accelergy_folder_missing": "profile mlp.so --input x.npy --accelergy missing/counts.yaml",
    # Traces
    "trace_suffix": "trace mlp.so --input x.npy -o trace.json",
    "trace_folder_missing": "trace mlp.so --input x.npy -o missing/trace.vcd",
    "trace_window": "trace mlp.so --input x.npy -o trace.vcd --window 5-9",
    "trace_window_backward": "trace mlp.so --input x.npy -o trace.vcd --window 9:5",
    "trace_window_past_the_end": "trace mlp.so --input x.npy -o trace.vcd --window 100000:",
    "trace_layer_unknown": "trace mlp.so --input x.npy -o trace.vcd --layer fc3",
    "trace_sample_missing": "trace mlp.so --input x.npy -o trace.vcd --sample 8",
    "trace_sample_negative": "trace mlp.so --input x.npy -o trace.vcd --sample -1",
    "trace_small": "trace mlp.so --input x.npy -o trace.perfetto-trace --max-bytes 100",
    "trace_small_vcd": "trace mlp.so --input x.npy -o trace.vcd --max-bytes 100",
    # Soft errors
    "faults_missing": "faults missing.so --data x.npy",
    "faults_no_data": "faults mlp.so",
    "faults_data_shape": "faults mlp.so --data shape.npy",
    "faults_labels_float": "faults mlp.so --data floats.npz",
    "faults_rates": "faults mlp.so --data x.npy --rates 1e-3,2",
    "faults_rates_text": "faults mlp.so --data x.npy --rates often",
    "faults_units": "faults mlp.so --data x.npy --units spmat,dram",
    "faults_protection": "faults mlp.so --data x.npy --protection secded,tmr",
    "faults_trials": "faults mlp.so --data x.npy --trials 0",
    "faults_samples": "faults mlp.so --data x.npy --samples 6",
    "faults_folder_missing": "faults mlp.so --data x.npy -o missing/faults.json",
    "faults_suffix": "faults mlp.so --data x.npy -o faults.yaml",
    "faults_picture": "faults mlp.so --data x.npy --picture faults.gif",
    "faults_picture_of_a_list": "faults mlp.so --data x.npy --flips flips.yaml --picture x.png",
    "faults_flips_missing": "faults mlp.so --data x.npy --flips missing.yaml",
    "faults_flips_broken": "faults mlp.so --data x.npy --flips broken.yaml",
    "faults_flips_no_list": "faults mlp.so --data x.npy --flips partial.yaml",
    "faults_flips_all_faults": "faults mlp.so --data x.npy --flips flips.yaml",
    # Reports
    "report_suffix": "report mlp.so --input x.npy -o report.pdf",
    "report_folder_missing": "report mlp.so --input x.npy -o missing/report.html",
    "report_input_shape": "report mlp.so --input shape.npy -o report.html",
    "report_labels_missing": "report mlp.so --input x.npy --labels missing.npy -o report.html",
    "report_labels_unnamed": "report mlp.so --input x.npy --labels names.npz -o report.html",
    "report_labels_count": "report mlp.so --input x.npy --labels few.npy -o report.html",
    "report_labels_float": "report mlp.so --input floats.npz -o report.html",
    "report_labels_class": "report mlp.so --input x.npy --labels classes.npy -o report.html",
    "report_labels_for_two": "report two.so --input ab.npz --labels few.npy -o report.html",
    # Libraries
    "library_missing": "run missing.so --input x.npy",
    "library_text": "run text.so --input x.npy",
    "library_truncated": "run truncated.so --input x.npy",
    "library_altered": "profile altered.so --input x.npy",
    "library_folder": "run . --input x.npy",
    "library_is_a_model": "run mlp.onnx --input x.npy",
    # Servers
    "serve_port": "serve --port 65536",
    "serve_elsewhere": "serve --host 203.0.113.1",
    "serve_tracker": "serve --tracker 9190",
    "serve_no_tracker": "serve --port 9099 --tracker 127.0.0.1:1",
    "remote_nobody": "run mlp.so --input x.npy --remote 127.0.0.1:1",
    "remote_address": "profile mlp.so --input x.npy --remote here",
    # Containers
    "pack_missing": "pack missing.onnx -o out.eiez",
    "pack_text": "pack text.onnx -o out.eiez",
    "pack_empty": "pack empty.onnx -o out.eiez",
    "pack_recipe_missing": "pack mlp.onnx -o out.eiez --recipe missing.yaml",
    "pack_folder_missing": "pack mlp.onnx -o missing/out.eiez",
    "unpack_missing": "unpack missing.eiez -o out.onnx",
    "unpack_folder_missing": "unpack mlp.eiez -o missing/out.onnx",
    "unpack_altered": "unpack altered.eiez -o out.onnx",
    "inspect_text": "inspect text.eiez",
    "inspect_truncated": "inspect truncated.eiez",
    "inspect_another_version": "inspect version.eiez",
    "compile_altered_container": "compile altered.eiez -o out.so",
    # Programs
    "asm_missing": "asm missing.mlir -o out.eieimg",
    "asm_not_text": "asm mlp.so -o out.eieimg",
    "asm_syntax": "asm syntax.mlir -o out.eieimg",
    "asm_operand": "asm operand.mlir -o out.eieimg",
    "asm_elided": "asm elided.mlir -o out.eieimg",
    "asm_folder_missing": "asm program.mlir -o missing/out.eieimg",
    "asm_two_of_one_name": "asm two.mlir -o out.eieimg",
    "asm_two_machines": "asm machines.mlir -o out.eieimg",
    "emit_two_to_standard_output": "compile two.onnx --emit eie -o -",
    "disasm_missing": "disasm missing.so",
    "disasm_text": "disasm text.so",
    "disasm_truncated_library": "disasm truncated.so",
    "disasm_truncated_image": "disasm truncated.eieimg",
    "disasm_altered_image": "disasm altered.eieimg",
    "disasm_another_version": "disasm version.eieimg",
}


@pytest.mark.parametrize("name", CASES)
def test_error(name, eie_in, golden):
    command = CASES[name]
    code, stderr = eie_in(command)
    assert code == 2
    assert stderr.startswith("eie: error: ")
    assert stderr.count("\n") == 1
    golden(f"{name}.txt", f"$ eie {command}\nexit code {code}\n{stderr}")


@pytest.mark.parametrize("place", ["--debug run", "run --debug"])
def test_debug_shows_the_traceback(place, eie_in):
    code, stderr = eie_in(f"{place} truncated.so --input x.npy")
    assert code == 2
    assert stderr.startswith("Traceback (most recent call last):")
    assert stderr.endswith(
        "\neie: error: truncated.so: truncated or altered; compile the model again\n"
    )


def test_report_without_plotly(eie_in, golden, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly", None)
    command = "report mlp.so --input x.npy -o report.html"
    code, stderr = eie_in(command)
    golden("report_without_plotly.txt", f"$ eie {command}\nexit code {code}\n{stderr}")
    assert (code, stderr.count("\n")) == (2, 1)


def test_full_disk(eie_in, golden, monkeypatch):
    """The export fails half-way: the old file stays, nothing else is left."""

    def export_library(self, path, **_):
        with open(path, "wb") as file:  # noqa: PTH123 - `path` is a string, as TVM takes it
            file.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(VMExecutable, "export_library", export_library)
    code, stderr = eie_in("compile mlp.onnx -o out.so")
    golden("full_disk.txt", f"$ eie compile mlp.onnx -o out.so\nexit code {code}\n{stderr}")


def test_failure_keeps_the_old_file(eie_in, tmp_path):
    old = tmp_path / "out.so"
    old.write_text("old")
    assert eie_in("compile nan.onnx -o out.so")[0] == 2
    assert old.read_text() == "old"


def test_interrupt(eie_in, monkeypatch):
    def prepare(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(compiler, "prepare", prepare)
    code, stderr = eie_in("compile mlp.onnx -o out.so")
    assert code == 130
    assert "Traceback" not in stderr


def test_fault_of_ours_is_a_traceback(eie_in, monkeypatch):
    """Exit code 1 and the traceback are for bugs, and say how to report them."""

    def prepare(*_, **__):
        raise RuntimeError("a bug")

    monkeypatch.setattr(compiler, "prepare", prepare)
    code, stderr = eie_in("compile mlp.onnx -o out.so")
    assert code == 1
    assert stderr.startswith("Traceback (most recent call last):")
    *_, bug, last = stderr.splitlines()
    assert bug == "RuntimeError: a bug"
    assert last.startswith("eie: error: this is a fault of eie; please report it: ")
    assert "eie doctor --plain" in last


@pytest.mark.parametrize(
    "command",
    [
        "nonsense",
        "compile",
        "compile mlp.onnx --nonsense",
        "compile mlp.onnx -o out.so --bits four",
        "compile mlp.onnx -o out.so --density",
        "run mlp.so",
        "profile --input x.npy",
    ],
)
def test_usage(command, eie_in):
    code, stderr = eie_in(command)
    assert (code, stderr.count("\n")) == (2, 1)
    assert stderr.startswith("eie: error: ")
    assert stderr.endswith(" --help\n")


def command_line(command, folder, **environment):
    """Run the installed command in a process of its own; return the exit code and stderr."""
    script = Path(sys.executable).with_name("eie")
    done = subprocess.run(
        [sys.executable, script, *command.split()],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


def test_wrong_pair_of_tvm_packages(tmp_path, golden):
    (tmp_path / "sitecustomize.py").write_text(WRONG_PAIR)
    command = "run mlp.so --input x.npy"
    code, stderr = command_line(command, tmp_path, PYTHONPATH=str(tmp_path))
    golden("wrong_pair.txt", f"$ eie {command}\nexit code {code}\n{stderr}")
    assert (code, stderr.count("\n")) == (2, 1)


def test_no_cpp_compiler(tmp_path, files, golden):
    (tmp_path / "mlp.onnx").write_bytes(files["mlp.onnx"])
    nowhere = {"PATH": str(tmp_path), "CXX": "", "CC": ""}
    command = "compile mlp.onnx -o out.so"
    code, stderr = command_line(command, tmp_path, **nowhere)
    golden("no_cpp_compiler.txt", f"$ eie {command}\nexit code {code}\n{stderr}")
    assert (code, stderr.count("\n")) == (2, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["mlp.onnx"]
