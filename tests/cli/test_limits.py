"""Commands without enough memory, disk or descriptors: a message, exit code 2, nothing left."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import eie_backend as eie
from eie_backend.cli.memory import OUT_OF_MEMORY, ROOM_BYTES


def write_model(path, size):
    """Write a model with one square layer, half of it zeros; return its path."""
    rng = np.random.default_rng(0)
    block = rng.normal(size=(4096, 4096)) * (rng.random((4096, 4096)) < 0.5)
    weights = np.tile(block.astype(np.float32), (size // 4096, size // 4096))
    tensor = numpy_helper.from_array(weights, "w")
    node = helper.make_node("Gemm", ["x", "w"], ["y"], "fc", transB=1)
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, size]) for n in "xy")
    graph = helper.make_graph([node], "g", [x], [y], [tensor])
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Return the path of a model of 64 MB."""
    return write_model(tmp_path_factory.mktemp("model") / "m.onnx", 4096)


def compiled(model, folder, kind, limit):
    """Run ``eie compile`` under a limit; return exit code, last line of stderr, files left."""
    for name in ("out", "tmp"):
        (folder / name).mkdir()
    done = subprocess.run(
        [Path(sys.executable).with_name("eie"), "compile", model, "-o", folder / "out" / "m.so"],
        preexec_fn=lambda: resource.setrlimit(kind, (limit, limit)),
        env={**os.environ, "TMPDIR": str(folder / "tmp")},
        capture_output=True,
        text=True,
        check=False,
    )
    left = sorted(str(path.relative_to(folder)) for path in folder.glob("*/*"))
    return done.returncode, done.stderr.splitlines()[-1], left


@pytest.mark.nightly
def test_out_of_memory(tmp_path):
    """With room to begin, but not for what the compiler makes of 256 MB of weights."""
    model = write_model(tmp_path / "m.onnx", 8192)
    code, message, left = compiled(model, tmp_path, resource.RLIMIT_AS, ROOM_BYTES + 100_000_000)
    assert (code, left) == (2, [])
    assert message == f"eie: error: {OUT_OF_MEMORY}"


def test_no_room_for_the_weights(model, tmp_path):
    code, message, left = compiled(model, tmp_path, resource.RLIMIT_FSIZE, 1_000_000)
    assert (code, left) == (2, [])
    assert message == (
        f"eie: error: {model}: w: 67108864 bytes cannot be written to {tmp_path / 'tmp'}: "
        "File too large; set TMPDIR to a folder with room"
    )


def test_no_room_for_the_library(make_mlp, tmp_path):
    path = tmp_path / "small.onnx"
    onnx.save(make_mlp(20, 10), path)
    code, message, left = compiled(path, tmp_path, resource.RLIMIT_FSIZE, 100_000)
    assert (code, left) == (2, [])
    start = f"eie: error: {tmp_path / 'out' / 'm.so'}: cannot be written: File too large; it needs"
    assert message.startswith(start)


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "line",
    [
        "compile mlp.onnx -o out/mlp.so",
        "evaluate mlp.so --data data.npz --scheduler processes --workers 2",
        "sweep sweep.yaml -o swept --scheduler processes --workers 2",
    ],
)
def test_few_descriptors(line, small):
    """Too few for the linker, or for processes that work; what else takes none is done."""
    code, message = run(line, small, preexec_fn=few_descriptors)
    assert (code, message.count("\n")) == (2, 1), message
    assert message.endswith(
        "Too many open files; raise the limit (ulimit -n); 64 are enough for every command\n"
    )
    assert list((small / "out").iterdir()) == []


def few_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (12, 12))


def test_a_folder_for_temporary_files_where_nobody_writes(small):
    """Python would take another one; the compiler does not."""
    code, message = run("compile mlp.onnx -o out/mlp.so", small, tmp="/proc")
    assert (code, message) == (
        2,
        "eie: error: out/mlp.so: cannot be linked: Cannot create temporary file; set TMPDIR to a "
        "folder with room\n",
    )


def test_full_folder_for_temporary_files(small):
    mount = ["mount", "-t", "tmpfs", "-o", "size=4k", "none", small / "tmp"]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this user cannot mount: {done.stderr.strip()}")
    try:
        (small / "tmp" / "filler").write_bytes(bytes(4096))
        code, message = run("compile mlp.onnx -o out/mlp.so", small)
    finally:
        subprocess.run(["umount", "--lazy", small / "tmp"], check=True)
    assert (code, message) == (
        2,
        "eie: error: out/mlp.so: cannot be linked: No space left on device; set TMPDIR to a folder "
        "with room\n",
    )
    assert list((small / "out").iterdir()) == []


@pytest.fixture
def small(make_mlp, tmp_path):
    """Return a folder with a small model, its library, data, and a sweep."""
    model = make_mlp(24, 16, 10, batch=8)
    onnx.save(model, tmp_path / "mlp.onnx")
    x = np.random.default_rng(1).normal(size=(8, 24)).astype(np.float32)
    np.savez(tmp_path / "data.npz", x=x, labels=np.arange(8))
    sweep = {"models": {"mlp": "mlp.onnx"}, "data": "data.npz", "hardware": {"num_pe": [2, 4]}}
    (tmp_path / "sweep.yaml").write_text(json.dumps(sweep))
    eie.export_library(eie.compile(eie.from_onnx(model)), tmp_path / "mlp.so")
    for name in ("out", "tmp"):
        (tmp_path / name).mkdir()
    return tmp_path


def run(line, folder, tmp=None, **options):
    """Run a command; return exit code and stderr."""
    done = subprocess.run(
        [Path(sys.executable).with_name("eie"), *line.split()],
        cwd=folder,
        env={**os.environ, "TMPDIR": tmp or str(folder / "tmp")},
        capture_output=True,
        text=True,
        check=False,
        **options,
    )
    return done.returncode, done.stderr
