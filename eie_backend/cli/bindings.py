"""``--bind`` and ``--bind-value``: dimensions and inputs of a model that become constants."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from eie_backend.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

BIND = typer.Option(
    help="NAME=N: value of a dynamic dimension, by its name or as INPUT.AXIS; repeatable."
)
BIND_VALUE = typer.Option(
    help="NAME=VALUE: an input becomes a constant: a number, true, false, [1, 2] or a .npy file; "
    "repeatable."
)
"""Options of the commands that import a model."""

LONGEST = 4096
"""Characters of a value; a larger one is a file."""


def parse_bindings(items: list[str] | None) -> dict[str, int]:
    """Return ``NAME=N`` items as a mapping.

    Raises
    ------
    ModelError
        If an item has another form.
    """
    bindings = {}
    for item in items or []:
        name, _, value = item.rpartition("=")
        if not name or not re.fullmatch("[0-9]{1,18}", value):
            raise ModelError(f"--bind {item}: not NAME=N, for example --bind batch=1")
        bindings[name] = int(value)
    return bindings


def parse_values(items: list[str] | None) -> dict[str, ArrayLike]:
    """Return ``NAME=VALUE`` items as a mapping.

    Raises
    ------
    ModelError
        If an item has another form.
    InputError
        If a file cannot be read.
    """
    found: dict[str, ArrayLike] = {}
    for item in items or []:
        name, _, value = item.rpartition("=")
        if name and value.endswith(".npy"):
            from eie_backend.cli.files import read_plain

            read = read_plain(Path(value))
            if isinstance(read, dict):
                raise ModelError(f"--bind-value {item}: it holds {len(read)} arrays; give one")
            found[name] = read
            continue
        try:
            if not name or len(value) > LONGEST:
                raise ValueError(value)
            found[name] = _array(json.loads(value))
        except (ValueError, RecursionError) as error:
            raise ModelError(
                f"--bind-value {item[:80]}: not NAME=VALUE, for example --bind-value sr=16000; a "
                "value is a number, true, false, a list of them or a .npy file"
            ) from error
    return found


def _array(value: object) -> ArrayLike:
    """Return what JSON holds as an array of numbers, or raise `ValueError`."""
    import numpy as np

    found = np.asarray(value)
    if found.dtype.kind not in "biuf":
        raise ValueError(str(value)[:80])
    return found
