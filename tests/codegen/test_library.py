"""A library is written whole or not at all, and never loaded when it is not what was written."""

import gc
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import tvm

import eie_backend as eie
from eie_backend.codegen import library
from eie_backend.codegen.library import DIGEST_BYTES, SEAL, check_whole, programs
from eie_backend.errors import ImageError, ModelError
from eie_backend.isa.image import encode_image
from eie_backend.simulator.runner import Runner

SEAL_BYTES = len(SEAL) + DIGEST_BYTES
ALTERED = "altered after it was written; compile the model again"
CUT = "truncated or altered; compile the model again"
NO_LIBRARY = "not a compiled library; give a file written by `eie compile`"

LOAD = """
import sys
import numpy as np, tvm
library, x, y = sys.argv[1:]
machine = tvm.relax.VirtualMachine(tvm.runtime.load_module(library), tvm.cpu())
np.save(y, machine["main"](tvm.runtime.tensor(np.load(x))).numpy())
"""


class Exporter:
    """Stands for an executable whose export writes `data` and then fails with `error`."""

    def __init__(self, data=b"", error=None):
        self.data, self.error = data, error

    def export_library(self, path, **_):
        with open(path, "wb") as file:  # noqa: PTH123 - `path` is a string, as TVM takes it
            file.write(self.data)
        if self.error:
            raise self.error


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(1).normal(size=(4, 24)).astype(np.float32)


@pytest.fixture(scope="module")
def executable(make_mlp):
    return eie.compile(eie.from_onnx(make_mlp(24, 16, 10, batch=4)))


@pytest.fixture(scope="module")
def sealed(executable, tmp_path_factory):
    path = tmp_path_factory.mktemp("sealed") / "mlp.so"
    eie.export_library(executable, path)
    return path


@pytest.fixture(scope="module")
def unsealed(executable, tmp_path_factory):
    path = tmp_path_factory.mktemp("unsealed") / "mlp.so"
    executable.export_library(str(path))
    return path


@pytest.fixture
def never_loaded(monkeypatch):
    """Fail if the dynamic loader gets to see the file."""

    def opened(_library):
        raise AssertionError("it was loaded")

    monkeypatch.setattr(library, "opened", opened)


def refused(path, data):
    """Return the message with which a library of these bytes is refused."""
    path.write_bytes(data)
    with pytest.raises(ImageError) as error:
        eie.load(path)
    return str(error.value)


# Writing


def test_loaded_library_computes_what_was_compiled(sealed, executable, x):
    assert eie.run(sealed, x)[0].tobytes() == eie.run(executable, x)[0].tobytes()


def test_loaded_library_holds_the_same_image(sealed, executable):
    loaded, compiled = programs(eie.load(sealed)), programs(executable)
    assert [encode_image(p) for p in loaded] == [encode_image(p) for p in compiled]


def test_sealed_library_runs_where_only_tvm_is_imported(sealed, executable, x, tmp_path):
    np.save(tmp_path / "x.npy", x)
    arguments = map(str, (sealed, tmp_path / "x.npy", tmp_path / "y.npy"))
    command = [sys.executable, "-W", "error", "-c", LOAD, *arguments]
    subprocess.run(command, check=True, cwd=tmp_path)
    expected = eie.run(executable, x)[0]
    assert np.load(tmp_path / "y.npy").tobytes() == expected.tobytes()


def test_two_exports_are_equal_bytes(sealed, executable, tmp_path):
    eie.export_library(executable, tmp_path / "again.so")
    assert (tmp_path / "again.so").read_bytes() == sealed.read_bytes()


def test_name_with_a_space_will_do(executable, x, tmp_path):
    path = tmp_path / "lenet 300.v1.so"
    eie.export_library(executable, path)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert eie.run(path, x)[0].shape == (4, 10)


@pytest.mark.parametrize("name", ["mlp", "mlp.model", "mlp.so.1"])
def test_other_suffix_is_refused(name, executable, tmp_path):
    with pytest.raises(ModelError, match=r"a library's name must end in \.so"):
        eie.export_library(executable, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_relative_name_is_taken_from_the_working_folder(executable, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    eie.export_library(executable, "mlp.so")
    check_whole(tmp_path / "mlp.so")


def test_existing_file_is_replaced(executable, sealed, tmp_path):
    path = tmp_path / "mlp.so"
    path.write_text("old")
    eie.export_library(executable, path)
    assert path.read_bytes() == sealed.read_bytes()


@pytest.mark.parametrize(
    ("error", "seen"),
    [
        (OSError(28, "No space left on device"), ModelError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_failed_export_leaves_the_old_file_and_nothing_else(error, seen, tmp_path):
    path = tmp_path / "mlp.so"
    path.write_text("old")
    with pytest.raises(seen):
        eie.export_library(Exporter(b"half of it", error), path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_full_disk_names_file_and_reason(tmp_path):
    path = tmp_path / "mlp.so"
    with pytest.raises(ModelError) as error:
        eie.export_library(Exporter(error=OSError(28, "No space left on device")), path)
    assert str(error.value) == (
        f"{path}: cannot be written: No space left on device; give a folder that exists, has room "
        "and can be written"
    )


def test_missing_folder_names_file_and_reason(executable, tmp_path):
    path = tmp_path / "missing" / "mlp.so"
    with pytest.raises(ModelError) as error:
        eie.export_library(executable, path)
    assert str(error.value) == (
        f"{path}: cannot be written: its folder does not exist; give a folder that exists, has "
        "room and can be written"
    )
    assert not path.parent.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_folder_names_file_and_reason(executable, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ModelError) as error:
        eie.export_library(executable, tmp_path / "mlp.so")
    assert str(error.value) == f"{tmp_path / 'mlp.so'}: cannot be written: Permission denied"


def test_name_of_a_folder_is_refused(executable, tmp_path):
    (tmp_path / "mlp.so").mkdir()
    with pytest.raises(ModelError, match="cannot be written: Is a directory"):
        eie.export_library(executable, tmp_path / "mlp.so")
    assert list((tmp_path / "mlp.so").iterdir()) == []


# Reading


def test_seal_follows_the_library(sealed, unsealed):
    data = sealed.read_bytes()
    assert data[-SEAL_BYTES:].startswith(SEAL)
    assert len(data) - SEAL_BYTES == unsealed.stat().st_size


def test_altered_byte_anywhere_is_found_before_loading(sealed, tmp_path, never_loaded):
    whole = sealed.read_bytes()
    path = tmp_path / "mlp.so"
    positions = {*range(0, len(whole), 499), *range(len(whole) - SEAL_BYTES, len(whole))}
    for position in positions:
        altered = bytearray(whole)
        altered[position] ^= 0x40
        assert refused(path, altered) in (f"{path}: {ALTERED}", f"{path}: {CUT}"), position


def test_altered_body_is_called_altered(sealed, tmp_path, never_loaded):
    altered = bytearray(sealed.read_bytes())
    altered[len(altered) // 2] ^= 1
    path = tmp_path / "mlp.so"
    assert refused(path, altered) == f"{path}: {ALTERED}"


def test_truncation_is_found_before_loading(sealed, tmp_path, never_loaded):
    whole = sealed.read_bytes()
    path = tmp_path / "mlp.so"
    lengths = [4, 63, 64, 65, *range(100, len(whole) - SEAL_BYTES, 997)]
    # Cut at SEAL_BYTES from the end it is the whole library without a seal, which may be loaded.
    lengths += [len(whole) - cut for cut in range(1, 2 * SEAL_BYTES) if cut != SEAL_BYTES]
    for length in lengths:
        assert refused(path, whole[:length]) == f"{path}: {CUT}", length


def test_appended_bytes_are_found_before_loading(sealed, unsealed, tmp_path, never_loaded):
    path = tmp_path / "mlp.so"
    for whole in (sealed, unsealed):
        assert refused(path, whole.read_bytes() + b"\0") == f"{path}: {CUT}"


@pytest.mark.parametrize("data", [b"", b"\x7fEL", b"EIESEAL1", b"#!/bin/sh\n", bytes(5000)])
def test_what_is_not_a_library_is_refused(data, tmp_path, never_loaded):
    path = tmp_path / "mlp.so"
    assert refused(path, data) == f"{path}: {NO_LIBRARY}"


def test_sealed_nonsense_is_refused_on_loading(tmp_path):
    path = tmp_path / "mlp.so"
    eie.export_library(Exporter(b"nonsense"), path)
    with pytest.raises(ImageError, match="cannot be loaded: "):
        eie.load(path)


def test_missing_file_is_named(tmp_path):
    path = tmp_path / "mlp.so"
    with pytest.raises(ImageError) as error:
        eie.load(path)
    assert str(error.value) == (
        f"{path}: cannot be read: No such file or directory; "
        "give a library written by `eie compile`"
    )


def test_folder_is_refused(tmp_path):
    with pytest.raises(ImageError, match="cannot be read: Is a directory"):
        eie.load(tmp_path)


def test_library_of_tvms_own_export_loads(unsealed, executable, x):
    assert eie.run(unsealed, x)[0].tobytes() == eie.run(executable, x)[0].tobytes()


def test_truncated_library_of_tvms_own_export_is_refused(unsealed, tmp_path, never_loaded):
    whole = unsealed.read_bytes()
    path = tmp_path / "mlp.so"
    for length in (100, len(whole) // 2, len(whole) - 1):
        assert refused(path, whole[:length]) == f"{path}: {CUT}"


def test_equal_files_give_one_executable_while_it_is_used(tmp_path):
    path, copy = tmp_path / "layer.so", tmp_path / "copy.so"
    eie.export_library(eie.compile(eie.from_onnx(layer(3.0))), path)
    shutil.copy(path, copy)
    before = mapped()
    one, other = eie.load(path), eie.load(copy)
    assert one is other
    assert mapped() == before + 1
    del one, other
    gc.collect()
    assert mapped() == before


def mapped():
    """Return how many loaded libraries the process has in memory."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    return len({line.split()[4] for line in lines if "/memfd:library" in line})


@pytest.mark.parametrize("replace", [Path.replace, shutil.copy], ids=["by another", "in place"])
def test_replaced_file_is_loaded_anew_while_the_old_one_is_in_use(replace, sealed, x, tmp_path):
    """The dynamic loader takes a library of the same name, or inode, for the one it holds."""
    path, other = tmp_path / "mlp.so", tmp_path / "other.so"
    path.write_bytes(sealed.read_bytes())
    runner = Runner(path)
    batch = runner.calls(x)[0]
    old = runner.call(batch)[0].tobytes()
    eie.export_library(eie.compile(eie.from_onnx(layer(2.0))), other)
    new = eie.run(other, x)[0].tobytes()
    replace(other, path)
    assert eie.run(path, x)[0].tobytes() == new != old
    assert runner.call(batch)[0].tobytes() == old


def test_file_that_is_cut_short_in_use_goes_on(sealed, x, tmp_path):
    path = tmp_path / "mlp.so"
    path.write_bytes(sealed.read_bytes())
    runner = Runner(path)
    os.truncate(path, 0)
    assert runner.call(runner.calls(x)[0])[0].tobytes() == eie.run(sealed, x)[0].tobytes()


def layer(value):
    """Return a model of one layer whose weights are all `value`."""
    weights = onnx.numpy_helper.from_array(np.full((10, 24), value, np.float32), "w")
    node = onnx.helper.make_node("Gemm", ["x", "w"], ["y"], "fc", transB=1)
    ends = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [4, size])
        for name, size in (("x", 24), ("y", 10))
    ]
    graph = onnx.helper.make_graph([node], "g", ends[:1], ends[1:], [weights])
    opsets = [onnx.helper.make_opsetid("", 17)]
    return onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)


def test_library_without_an_eie_program_is_refused(make_mlp, tmp_path):
    path = tmp_path / "host.so"
    mod = eie.from_onnx(make_mlp(24, 16, 10, batch=4))
    tvm.compile(mod, target="llvm").export_library(str(path))
    with pytest.raises(ImageError) as error:
        eie.load(path)
    assert str(error.value) == f"{path}: holds no eie program; compile with target 'eie'"
