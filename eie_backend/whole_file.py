"""Write a file so that it appears under its name only when it is complete and on the disk."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write a file aside and rename it.

    Raises
    ------
    OSError
        If it cannot be written; an old file of that name stays, and nothing else is left.
    """
    with tempfile.TemporaryDirectory(prefix=".eie_", dir=path.parent) as folder:
        aside = Path(folder) / path.name
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
