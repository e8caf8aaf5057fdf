"""Write files atomically: they appear under their names only when complete and on the disk.

A file is written in a new folder ``.eie_part_*`` next to its destination, and then renamed. The
writer holds a lock on that folder. A killed writer loses the lock, and the next writer removes the
folder.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from os import fspath
from pathlib import Path

from eie_backend.process.interrupts import held, undone

PART = ".eie_part_"
"""Prefix of the names of folders with unfinished files."""

REMOVALS = 10


def write_whole(path: Path, data: bytes) -> None:
    """Write one file atomically, as `write_together` does."""
    write_together({path: data})


def write_together(files: Mapping[Path, bytes]) -> None:
    """Write the files of one result: write all to temporary files, then rename each, in order.

    A process that is killed between two renamings leaves the first files new and the others old, so
    the main file should come last; Ctrl-C waits for them. An existing path that is not a file, such
    as a pipe or ``/dev/null``, is written to directly, after all temporary files.

    Raises
    ------
    OSError
        If a file cannot be written; it has the name. All old files stay, without temporary files.
    """
    folders: dict[Path, Path] = {}
    asides: dict[Path, Path] = {}
    others: dict[Path, bytes] = {}
    with ExitStack() as stack:
        for path, data in files.items():
            with _named(path):
                if path.is_dir():
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
                if path.exists() and not path.is_file():
                    others[path] = data
                    continue
                if path.parent not in folders:
                    folders[path.parent] = stack.enter_context(part_folder(path.parent))
                asides[path] = folders[path.parent] / path.name
                with asides[path].open("wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
        for path, data in others.items():
            with _named(path):
                path.write_bytes(data)
        with held():
            _rename(asides)


def _rename(asides: Mapping[Path, Path]) -> None:
    """Rename each file to its destination, or, if one of them cannot be, none."""
    renamed: list[tuple[Path, Path | None]] = []
    try:
        for number, (path, aside) in enumerate(asides.items()):
            with _named(path):
                old = _kept(path, aside.parent / f"old_{number}") if len(asides) > 1 else None
                aside.replace(path)
                renamed.append((path, old))
    except OSError:
        for path, old in reversed(renamed):
            if old is None:
                path.unlink()
            else:
                old.replace(path)
        raise


def _kept(path: Path, name: Path) -> Path | None:
    """Give a file another name beside its own, and return that; None if there is no file."""
    try:
        name.hardlink_to(path)
    except FileNotFoundError:
        return None
    except OSError:  # a file system without links, or the file of another user
        shutil.copy2(path, name, follow_symlinks=False)
    return name


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Make errors name the destination file."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, fspath(path)) from error


@contextmanager
def part_folder(parent: Path) -> Iterator[Path]:
    """Create a locked folder in `parent` for unfinished files, and remove it at the end.

    Raises
    ------
    OSError
        If the folder cannot be created.
    """
    remove_abandoned(parent)
    made: list[tuple[Path, int]] = []

    def remove() -> None:
        for folder, lock in made:
            _remove(folder)
            os.close(lock)

    try:
        with undone(remove):
            with held():
                made.append(_locked_folder(parent))
            yield made[0][0]
    finally:
        with held():
            remove()


def _remove(folder: Path) -> None:
    """Remove a folder, also while another thread begins a file in it."""
    for _ in range(REMOVALS):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return


def _locked_folder(parent: Path) -> tuple[Path, int]:
    """Return a new folder and the descriptor that holds its lock."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PART, dir=parent))
        # Before the lock is taken, another writer may remove the folder as abandoned.
        with suppress(FileNotFoundError):
            lock = _open_folder(folder)
            # Without file locks, no writer considers a folder abandoned, either.
            with suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():
                return folder, lock
            os.close(lock)


def remove_abandoned(parent: Path) -> None:
    """Remove the folders of unfinished files whose writers have been killed."""
    for folder in parent.glob(f"{PART}*"):
        try:
            lock = _open_folder(folder)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            pass  # its writer is alive
        finally:
            os.close(lock)


def _open_folder(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


def write_fault(error: OSError) -> str:
    """Return the reason why a file cannot be written."""
    if isinstance(error, FileNotFoundError):
        return "its folder does not exist"
    return error.strerror or str(error)
