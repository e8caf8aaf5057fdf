"""What machines do to every command: one line that says what to do, exit code 2, nothing left.

`WRITES` and `READS` name every command; a new one fails `test_every_command_is_here`. A command's
arguments in braces are the files that it reads.
"""

import errno
import json
import os
import re
import resource
import subprocess
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import numpy as np
import onnx
import pytest

import eie_backend as eie
from eie_backend import cli
from eie_backend.cli.console import asked
from eie_backend.cli.memory import OUT_OF_MEMORY
from eie_backend.codegen.library import programs
from eie_backend.isa.source_file import disassemble
from eie_backend.storage.container import save_eiez

WRITES = {
    "compile": "compile mlp.onnx -o out/mlp.so",
    "emit": "compile mlp.onnx --emit image -o out/mlp.bin",
    "compress": "compress mlp.onnx --data good.npz --max-drop 90 -o out/mlp.eiez --pictures out/p",
    "recipe": "compress mlp.onnx --data good.npz --recipe recipe.yaml -o out/mlp.eiez",
    "sweep": "sweep sweep.yaml -o out/swept --scheduler threads --workers 1",
    "run": "run mlp.so --input x.npy -o out/y.npy",
    "profile": "profile mlp.so --input x.npy --accelergy out/counts.yaml",
    "compare": "compare mlp.so --input x.npy --reference mlp.onnx -o out/page.html",
    "report": "report mlp.so --input x.npy -o out/page.html",
    "trace": "trace mlp.so --input x.npy -o out/t.vcd",
    "faults": "faults mlp.so --data x.npy --units ptr --trials 1 --rates 0.01 -o out/faults.json",
    "reproduce": "reproduce --table 1 -o out/new",
    "pack": "pack mlp.onnx -o out/packed.eiez",
    "unpack": "unpack mlp.eiez -o out/unpacked.onnx",
    "asm": "asm program.mlir -o out/program.eieimg",
    "disasm": "disasm mlp.so -o out/program.mlir",
}
READS = {
    "compile": "compile {mlp.onnx} -o new.so --recipe {recipe.yaml} --calibrate {x.npy}",
    "compile_eiez": "compile {mlp.eiez} -o new.so",
    "compress": "compress {mlp.onnx} --data {good.npz} --recipe {recipe.yaml} -o new.eiez",
    "explain": "explain {mlp.onnx}",
    "sweep": "sweep {sweep.yaml} -o swept",
    "evaluate": "evaluate {mlp.so} --data {good.npz} --labels {y.npy} --energy {energy.yaml}",
    "run": "run {mlp.so} --input {x.npy}",
    "profile": "profile {mlp.so} --input {x.npy} --energy {energy.yaml}",
    "compare": "compare {mlp.so} --input {x.npy} --reference {mlp.onnx}",
    "report": "report {mlp.so} --input {x.npy} --labels {y.npy} -o page.html",
    "trace": "trace {mlp.so} --input {x.npy} -o t.vcd",
    "faults": "faults {mlp.so} --data {good.npz} --flips {flips.yaml}",
    "reproduce": "reproduce --table 1 --alex8 {alex8.npz}",
    "pack": "pack {mlp.onnx} -o new.eiez --recipe {recipe.yaml}",
    "unpack": "unpack {mlp.eiez} -o new.onnx",
    "inspect": "inspect {mlp.eiez}",
    "asm": "asm {program.mlir} -o program.eieimg",
    "disasm": "disasm {mlp.so}",
}
FILES = [(name, file) for name, line in READS.items() for file in re.findall(r"\{(.+?)\}", line)]

KEPT = {"out/.eie_cache", "out/swept"}
"""Folders of what a search or a sweep had found before."""


@pytest.fixture(scope="module")
def prepared(make_mlp, tmp_path_factory):
    """Return a folder with all that the commands read."""
    folder = tmp_path_factory.mktemp("prepared")
    model = make_mlp(24, 16, 10, batch=8)
    x = np.random.default_rng(1).normal(size=(8, 24)).astype(np.float32)
    onnx.save(model, folder / "mlp.onnx")
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", np.arange(8))
    np.savez(folder / "good.npz", x=x, labels=np.arange(8))
    (folder / "recipe.yaml").write_text("bits: 3\n")
    sweep = {"models": {"mlp": "mlp.onnx"}, "data": "good.npz", "hardware": {"num_pe": [2, 4]}}
    (folder / "sweep.yaml").write_text(json.dumps(sweep))
    energies = Path(eie.__file__).parent / "data" / "energy_45nm.yaml"
    (folder / "energy.yaml").write_bytes(energies.read_bytes())
    (folder / "flips.yaml").write_text("- {unit: codebook, matrix: 0, code: 1, bit: 0}\n")
    (folder / "alex8.npz").write_text("not read")
    executable = eie.compile(eie.from_onnx(model))
    eie.export_library(executable, folder / "mlp.so")
    (folder / "program.mlir").write_text(disassemble(programs(executable)))
    save_eiez(folder / "mlp.eiez", model)
    return folder


@pytest.fixture
def folder(prepared, tmp_path, monkeypatch):
    """Return the working folder, with links to all that the commands read."""
    for path in prepared.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def refused(folder, monkeypatch, capsys):
    """Run a command that must fail; return its message."""
    for field in fields(asked):
        monkeypatch.setattr(asked, field.name, False)

    def run(line):
        before = tree(folder)
        monkeypatch.setattr("sys.argv", ["eie", *line.split()])
        with pytest.raises(SystemExit) as leaving:
            cli.main()
        message = capsys.readouterr().err
        assert (leaving.value.code, message.count("\n")) == (2, 1), message
        assert tree(folder) == before
        return message

    return run


def tree(folder):
    """Return the names of all that is there, but for what may be kept."""
    names = {str(path.relative_to(folder)) for path in folder.rglob("*")}
    return sorted(name for name in names if not any(name.startswith(kept) for kept in KEPT))


def mount(*arguments):
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this user cannot mount: {done.stderr.strip()}")


@contextmanager
def limit(kind, number):
    """Lower a limit of this process."""
    old = resource.getrlimit(kind)
    resource.setrlimit(kind, (number, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, old)


@pytest.fixture
def full(folder):
    """Fill the disk that `out` is on."""
    mount("-t", "tmpfs", "-o", "size=4k", "none", folder / "out")
    (folder / "out" / "filler").write_bytes(bytes(4096))
    yield
    subprocess.run(["umount", "--lazy", folder / "out"], check=True)


@pytest.fixture
def read_only(folder):
    """Let nobody write to `out`, root included."""
    mount("--bind", folder / "out", folder / "out")
    mount("-o", "remount,ro,bind", folder / "out")
    yield
    subprocess.run(["umount", "--lazy", folder / "out"], check=True)


def test_every_command_is_here():
    names = {name for commands in cli.PANELS.values() for name in commands}
    # These read and write no files; a server is for its own tests.
    assert {line.split()[0] for line in READS.values()} == names - {
        *("demo", "doctor", "machines", "serve")
    }


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", WRITES)
def test_full_disk(name, full, refused):
    message = refused(WRITES[name])
    assert re.search(r"out/.*(No space left on device|disk is full)", message)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", WRITES)
def test_read_only_folder(name, read_only, refused):
    message = refused(WRITES[name])
    assert re.search(r"out/.*Read-only file system; give a folder", message)


@pytest.mark.parametrize("name", sorted(WRITES.keys() - {"sweep"}))
def test_largest_size_of_a_file(name, refused):
    """For any user. A sweep's database needs megabytes and has its own test."""
    with limit(resource.RLIMIT_FSIZE, 50):
        message = refused(WRITES[name])
    assert "File too large" in message


@pytest.mark.parametrize("name", sorted(WRITES.keys() - {"reproduce"}))
def test_folder_is_a_file(name, folder, refused):
    (folder / "out").rmdir()
    (folder / "out").write_text("a file")
    assert re.search("out/.*cannot be written", refused(WRITES[name]))


@pytest.mark.parametrize("name", READS)
def test_no_room_in_memory(name, refused):
    line = re.sub("[{}]", "", READS[name])
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    with limit(resource.RLIMIT_AS, pages * os.sysconf("SC_PAGESIZE") + 10_000_000):
        message = refused(line)
    assert message == f"eie: error: {OUT_OF_MEMORY}\n"


def test_a_file_that_memory_has_no_room_for(refused, monkeypatch):
    def no_room(_):
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    monkeypatch.setattr(Path, "read_bytes", no_room)
    assert refused("unpack mlp.eiez -o new.onnx") == f"eie: error: {OUT_OF_MEMORY}\n"


@pytest.mark.parametrize(("name", "file"), FILES)
def test_input_that_cannot_be_read(name, file, folder, refused):
    """Its disk fails, as this file of Linux does: nothing is at 0, and it cannot be mapped."""
    (folder / file).unlink()
    (folder / file).symlink_to("/proc/self/mem")
    message = refused(re.sub("[{}]", "", READS[name]))
    reason = "(Input/output error|Invalid argument)"
    assert re.match(f"eie: error: {file}: cannot be read: {reason}; give ", message)


@pytest.mark.parametrize(("name", "file"), FILES)
def test_input_that_is_missing(name, file, folder, refused):
    (folder / file).unlink()
    message = refused(re.sub("[{}]", "", READS[name]))
    assert re.match(f"eie: error: {file}: .*[Nn]o such file.*; give ", message)


@pytest.mark.parametrize(("name", "file"), FILES)
def test_input_whose_name_no_file_can_have(name, file, refused):
    long = f"{'n' * 256}.{file}"
    message = refused(re.sub("[{}]", "", READS[name].replace(f"{{{file}}}", long)))
    assert re.match(f"eie: error: {long}: .*File name too long; give ", message)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", WRITES)
def test_output_whose_name_no_file_can_have(name, refused):
    message = refused(WRITES[name].replace(" out/", f" out/{'n' * 256}."))
    assert re.match(r"eie: error: out/n+.*: cannot be .*File name too long; give ", message)
