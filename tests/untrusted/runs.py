"""Hostile models in processes of their own, which a signal may end."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def written(models: Mapping[str, bytes], folder: Path) -> dict[str, str]:
    """Write models to a folder; return their paths by name."""
    paths = {name: folder / f"{number}.onnx" for number, name in enumerate(models)}
    for name, path in paths.items():
        path.write_bytes(models[name])
    return {name: str(path) for name, path in paths.items()}


def rows(script: str, tasks: Sequence[str]) -> dict[str, Row]:
    """Return what came of each task of `script` in this folder; "signal" where a process ended."""
    found: dict[str, Row] = {}
    while left := [task for task in tasks if task not in found]:
        done = subprocess.run(
            [sys.executable, Path(__file__).with_name(script), *left],
            capture_output=True,
            text=True,
            check=False,
        )
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        if not lines:
            raise RuntimeError(done.stderr)
        found |= {row.pop("task"): row for row in lines}
    return found


def command_fault(row: Row) -> bool:
    """Return whether a command ended otherwise than well, or with one line and nothing else."""
    if "signal" in row:
        return True
    if row["code"] == 0:
        return False
    lines = row["errors"].splitlines()
    refused = row["code"] == 2 and len(lines) == 1 and lines[0].startswith("eie: error: ")
    return not refused or row["left"] != []
