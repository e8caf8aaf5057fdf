"""Help answers at once: it loads nothing heavy. Completion does the same: `test_completion`."""

import subprocess
import sys

import pytest
from typer.main import get_command

from eie_backend.cli import app

SCRIPT = """
import sys
from eie_backend.cli import main
for words in sys.argv[1].split(","):
    sys.argv[:] = ["eie", *words.split()]
    try:
        main()
    except SystemExit as exit:
        assert exit.code == 0, words
print("loaded:", {"numpy", "onnx", "tvm", "tvm_ffi", "xdsl", "yaml"} & sys.modules.keys())
"""
COMMANDS = ",".join(f"{name} --help" for name in get_command(app).commands)


@pytest.mark.parametrize("words", ["--help", "--version", COMMANDS])
def test_help_loads_neither_tvm_nor_numpy(words, tmp_path):
    # The command's name is seen when the package is loaded.
    script = "import sys; sys.argv[0] = 'eie'" + SCRIPT
    command = [sys.executable, "-c", script, words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "loaded: set()"
