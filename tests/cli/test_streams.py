"""Standard streams that are full, closed or gone: one line says so, and files stay whole."""

import subprocess
import sys
from pathlib import Path

import pytest

import eie_backend as eie
from eie_backend.codegen.library import programs
from eie_backend.isa.source_file import disassemble

EIE = Path(sys.executable).with_name("eie")
FULL = "eie: error: standard output: cannot be written: No space left on device; send it to a file"
CLOSED = "eie: error: standard output: cannot be written: Bad file descriptor; send it to a file"


def shell(line, folder):
    """Run a line of the shell; `eie` is the command."""
    line = line.replace("eie ", f"{EIE} ", 1)
    done = subprocess.run(
        ["sh", "-c", line], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def program(make_mlp, tmp_path_factory):
    """Return a folder with a program of the machine."""
    folder = tmp_path_factory.mktemp("program")
    compiled = eie.compile(eie.from_onnx(make_mlp(24, 16, 10)))
    (folder / "p.mlir").write_text(disassemble(programs(compiled)))
    return folder


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "command", ["--version", "--help", "asm p.mlir -o -", "asm p.mlir -o x --json"]
)
@pytest.mark.parametrize(("to", "error"), [("/dev/full", FULL), ("&-", CLOSED)])
def test_results_that_nobody_takes(command, to, error, program):
    code, _, message = shell(f"eie {command} >{to}", program)
    assert (code, message.count("\n")) == (2, 1)
    assert message.startswith(error)


@pytest.mark.parametrize("to", ["/dev/full", "&-"])
def test_errors_that_nobody_takes_keep_their_code(to, program):
    assert shell(f"eie inspect missing.eiez 2>{to}", program)[0] == 2
    assert shell(f"eie --version 2>{to}", program)[:2] == (0, shell("eie --version", program)[1])


def test_no_streams_at_all(program):
    assert shell("eie --version <&- >&- 2>&-", program)[0] == 2
    assert shell("eie pack missing.onnx -o out.eiez <&- >&- 2>&-", program)[0] == 2


def test_closed_streams_are_not_taken_for_files(program):
    """The next file that is opened would get the number of a closed stream, and what is printed."""
    shell("eie asm p.mlir -o out.eieimg >&- 2>&-", program)
    assert (program / "out.eieimg").read_bytes().count(b"eie: ") == 0


def test_reader_that_has_gone(program):
    code, _, message = shell("(eie --help; echo $? >&2) | true", program)
    assert (code, message) == (0, "141\n")
