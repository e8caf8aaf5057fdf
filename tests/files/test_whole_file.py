"""A file appears whole or not at all, whoever else writes it, and a killed writer leaves no trace.

"Killed" is SIGKILL: the process gets no chance to put anything in order.
"""

import errno
import os
import resource
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from eie_backend.files.whole_file import PART, part_folder, write_together, write_whole

HOLD = """
import sys
from pathlib import Path
from eie_backend.files.whole_file import part_folder

with part_folder(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("half of it")
    print(folder.name, flush=True)
    sys.stdin.read()
"""
"""A writer that stays half-way until its standard input ends."""

WRITE = """
import sys
from pathlib import Path
from eie_backend.files.whole_file import write_whole

for _ in range(200):
    write_whole(Path(sys.argv[1]), sys.argv[2].encode() * 50_000)
"""


@pytest.fixture
def writer(tmp_path):
    """Return a process that is writing in `tmp_path`, and its folder."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield process, tmp_path / process.stdout.readline().decode().strip()
        process.kill()


def test_new_and_old_content(tmp_path):
    path = tmp_path / "file"
    for content in (b"first", b"", b"second"):
        write_whole(path, content)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_the_longest_name_will_do(tmp_path):
    path = tmp_path / ("n" * 255)
    write_whole(path, b"content")
    assert path.read_bytes() == b"content"


def test_together_is_in_order_and_all_or_none(tmp_path):
    """The second cannot be written: the first keeps its old content."""
    first, second = tmp_path / "first", tmp_path / "missing" / "second"
    first.write_text("old")
    with pytest.raises(FileNotFoundError) as error:
        write_together({first: b"new", second: b"new"})
    assert (error.value.filename, first.read_text()) == (str(second), "old")
    assert list(tmp_path.iterdir()) == [first]


@pytest.mark.parametrize("had_old", [True, False])
def test_together_is_all_or_none_when_a_renaming_fails(had_old, tmp_path, monkeypatch):
    first, second = tmp_path / "first", tmp_path / "second"
    if had_old:
        first.write_text("old")
    replace = Path.replace

    def fails(aside, path):
        if path == second:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return replace(aside, path)

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(OSError, match="Input/output error"):
        write_together({first: b"new", second: b"new"})
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == (
        {"first": "old"} if had_old else {}
    )


def test_interrupt_between_two_renamings_waits_for_the_second(tmp_path, monkeypatch):
    first, second = tmp_path / "first", tmp_path / "second"
    replace = Path.replace

    def interrupted(aside, path):
        signal.raise_signal(signal.SIGINT)
        return replace(aside, path)

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_together({first: b"new", second: b"new"})
    assert [path.read_text() for path in sorted(tmp_path.iterdir())] == ["new", "new"]


def test_together_in_two_folders(tmp_path):
    files = {tmp_path / name: name.encode() for name in ("a", "b")}
    (tmp_path / "inner").mkdir()
    write_together(files | {tmp_path / "inner" / "c": b"c"})
    left = {str(p.relative_to(tmp_path)): p.read_text() for p in tmp_path.rglob("*") if p.is_file()}
    assert left == {"a": "a", "b": "b", "inner/c": "c"}


def test_name_of_a_folder_is_refused_before_anything_changes(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        write_together({tmp_path / "file": b"new", tmp_path / "folder": b"new"})
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_disk_that_is_full_half_way(tmp_path):
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, old[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_together({tmp_path / "small": b"s", tmp_path / "large": bytes(2000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_file_is_written_to(tmp_path):
    """So nobody's /dev/null becomes a file, and a pipe's reader gets all."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as pool:
        read = pool.submit(pipe.read_bytes)
        write_whole(pipe, b"content")
        assert read.result() == b"content"
    assert pipe.is_fifo()


# Killed, and at the same time


def test_what_a_killed_writer_left_goes_with_the_next_write(writer, tmp_path):
    process, folder = writer
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert [path.name for path in folder.iterdir()] == ["half"]
    write_whole(tmp_path / "file", b"content")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_living_writer_keeps_what_it_has(writer, tmp_path):
    process, folder = writer
    write_whole(tmp_path / "file", b"content")
    assert (folder / "half").read_text() == "half of it"
    process.communicate()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_only_folders_of_unfinished_files_are_removed(tmp_path):
    target = tmp_path / "target"
    target.mkdir()
    (target / "precious").write_text("precious")
    (tmp_path / f"{PART}link").symlink_to(target)
    (tmp_path / f"{PART}file").write_text("not a folder")
    (tmp_path / ".eie_cache").mkdir()
    before = sorted(tmp_path.iterdir())
    write_whole(target / "precious", b"precious")
    with part_folder(tmp_path):
        pass
    assert sorted(tmp_path.iterdir()) == before


def test_two_writers_of_one_file(tmp_path):
    """Whoever looks, at whatever time, finds the whole file of one of both."""
    path = tmp_path / "file"
    write_whole(path, b"a" * 50_000)
    commands = [[sys.executable, "-c", WRITE, str(path), letter] for letter in "ab"]
    running = [subprocess.Popen(command) for command in commands]
    seen = set()
    while any(process.poll() is None for process in running):
        seen.add(path.read_bytes())
    assert [process.returncode for process in running] == [0, 0]
    assert seen <= {b"a" * 50_000, b"b" * 50_000}
    assert list(Path(tmp_path).iterdir()) == [path]
