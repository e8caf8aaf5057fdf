"""Puts models through every command that opens them; a line of JSON before and after each.

`python commands.py MODEL/COMMAND...`; what C++ writes counts, since standard streams are files.
"""

import json
import os
import resource
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import onnx
from child import MOST_BYTES

from eie_backend import cli
from eie_backend.storage.container import save_eiez

LINES = {
    "explain": "explain m.onnx",
    "compile": "compile m.onnx --num-pe 4 -o out.so",
    "compress": "compress m.onnx --data data.npz --method magnitude -o out.eiez",
    "sweep": "sweep sweep.yaml --scheduler threads --workers 1 -o out",
    "pack": "pack m.onnx -o out.eiez",
    "compile .eiez": "compile m.eiez --num-pe 4 -o out.so",
}
SWEEP = {"models": {"m": "m.onnx"}, "data": "data.npz", "hardware": {"num_pe": [2]}}


def fill(model: bytes) -> None:
    """Write what the commands read into the working directory."""
    Path("m.onnx").write_bytes(model)
    np.savez("data.npz", x=np.ones((8, 4), np.float32), labels=np.zeros(8, np.int64))
    Path("sweep.yaml").write_text(json.dumps(SWEEP))
    save_eiez("m.eiez", onnx.load_from_string(model))


def ended(line: Sequence[str]) -> int | str:
    """Run a command in this process; return its exit code, or the exception that it let out."""
    sys.argv = ["eie", *line]
    try:
        cli.main()
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else repr(leaving.code)
    except BaseException as error:
        return repr(error)
    return 0


@contextmanager
def standard_streams(*files: IO[bytes]) -> Iterator[None]:
    """Let files be standard output and error."""
    kept = [os.dup(stream) for stream in (1, 2)]
    for stream, file in zip((1, 2), files, strict=True):
        os.dup2(file.fileno(), stream)
    try:
        yield
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        for stream, number in zip((1, 2), kept, strict=True):
            os.dup2(number, stream)
            os.close(number)


def outcome(model: bytes, command: str) -> dict[str, object]:
    """Return the exit code of a command in a new folder, its last words and what it left."""
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryFile() as output,
        tempfile.TemporaryFile() as errors,
    ):
        os.chdir(folder)
        fill(model)
        before = {*Path().iterdir()}
        with standard_streams(output, errors):
            code = ended(LINES[command].split())
        errors.seek(0)
        told = errors.read().decode(errors="replace")
        left = sorted(path.name for path in {*Path().iterdir()} - before)
        os.chdir("/")
    return {"code": code, "errors": told, "left": left}


def main() -> None:
    """Run the command."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    for task in sys.argv[1:]:
        path, command = task.rsplit("/", 1)
        model = Path(path).read_bytes()
        print(json.dumps({"task": task, "signal": True}), flush=True)
        print(json.dumps({"task": task, **outcome(model, command)}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
