"""``eie compile`` without enough memory or disk: a message, exit code 2, nothing left behind."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

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
