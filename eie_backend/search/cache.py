"""`Cache`: results that are expensive to compute, kept in a file between runs."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from os import PathLike
from pathlib import Path

from eie_backend.errors import ModelError
from eie_backend.files.whole_file import remove_abandoned, write_fault, write_whole


class Cache:
    """Numbers by key, in the file ``DIGEST.json`` of a folder.

    Every new number rewrites the file atomically, so an interrupted run loses no result. A damaged
    file counts as empty.

    Parameters
    ----------
    folder : path or None
        The folder of the file; it is created with the first number. None keeps numbers in memory.
    digest : str
        Digest of everything beside the keys that the numbers depend on.
    """

    def __init__(self, folder: str | PathLike[str] | None, digest: str) -> None:
        self.path = None if folder is None else Path(folder) / f"{digest[:32]}.json"
        self._numbers: dict[str, float] = {}
        if self.path is not None:
            remove_abandoned(self.path.parent)
            self._numbers = _read(self.path)

    def get(self, key: str) -> float | None:
        """Return the number of a key, or None."""
        return self._numbers.get(key)

    def put(self, key: str, number: float) -> None:
        """Store a number.

        Raises
        ------
        ModelError
            If the file cannot be written; the old file stays.
        """
        self._numbers[key] = number
        if self.path is None:
            return
        try:
            self.path.parent.mkdir(exist_ok=True)
            write_whole(self.path, _sealed(self._numbers).encode())
        except OSError as error:
            with suppress(OSError):  # it holds other files
                self.path.parent.rmdir()
            raise ModelError(
                f"{self.path}: cannot be written: {write_fault(error)}; make room and run "
                "again: what was found so far is kept"
            ) from error


def _sealed(numbers: dict[str, float]) -> str:
    """Return numbers as JSON with their SHA-256."""
    text = json.dumps(numbers, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return json.dumps({"numbers": numbers, "sha256": digest}, indent=1, sort_keys=True) + "\n"


def _read(path: Path) -> dict[str, float]:
    """Return the numbers of a file; none if it is missing or damaged."""
    try:
        text = path.read_text("utf-8")
        numbers: dict[str, float] = json.loads(text)["numbers"]
        return numbers if _sealed(numbers) == text else {}
    except (OSError, ValueError, TypeError, KeyError):
        return {}
