"""One process works in a folder, whatever becomes of it."""

import signal
import subprocess
import sys

import pytest

from eie_backend.files import folder_lock
from eie_backend.files.folder_lock import only_one_in

HOLD = """
import sys
from pathlib import Path
from eie_backend.files.folder_lock import only_one_in
with only_one_in(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_one_after_another(tmp_path):
    with only_one_in(tmp_path):
        with pytest.raises(BlockingIOError), only_one_in(tmp_path):
            pass
        (tmp_path / "other").mkdir()
        with only_one_in(tmp_path / "other"):
            pass
    with only_one_in(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == [tmp_path / "other"]


def test_a_killed_process_holds_nothing(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(BlockingIOError), only_one_in(tmp_path):
            pass
        process.send_signal(signal.SIGKILL)
    with only_one_in(tmp_path):
        pass


def test_without_locks_nobody_is_kept_out(tmp_path, monkeypatch):
    def none(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(folder_lock.fcntl, "flock", none)
    with only_one_in(tmp_path), only_one_in(tmp_path):
        pass


def test_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError), only_one_in(tmp_path / "none"):
        pass
