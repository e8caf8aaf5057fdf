"""The order of the package's folders, from the import linter's contract in ``pyproject.toml``."""

from __future__ import annotations

from pathlib import Path

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10, where pytest and the linter bring its forerunner
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]


def layers() -> list[list[str]]:
    """Return the rows from top to bottom; folders in a row know nothing of one another."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts = config["tool"]["importlinter"]["contracts"]
    (rows,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [row.split(" | ") for row in rows]
