"""What was verified before: a file for each model and version, in the user's folder of caches."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from platformdirs import user_cache_path

from eie_backend.files.whole_file import write_whole

FOLDER = "verified"
MOST_BYTES = 1000


def key(*parts: str) -> str:
    """Return the name of what the parts describe: the model, its inputs, all versions involved."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def recall(name: str) -> str:
    """Return the sentence that was remembered; nothing if there is none."""
    try:
        with _path(name).open("rb") as file:
            return file.read(MOST_BYTES).decode()
    except (OSError, UnicodeDecodeError):
        return ""


def remember(name: str, sentence: str) -> None:
    """Remember a sentence, if there is a place for it."""
    path = _path(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, sentence.encode())
    except OSError:
        return


def digest(arrays: Iterable[bytes]) -> str:
    """Return the SHA-256 of bytes, as hex."""
    found = hashlib.sha256()
    for one in arrays:
        found.update(one)
    return found.hexdigest()


def _path(name: str) -> Path:
    return user_cache_path("eie", appauthor=False) / FOLDER / name
