"""Read arrays and write results; a file appears under its name only when it is complete."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eie_backend.errors import InputError, ModelError
from eie_backend.inputs import InputSpec, check_inputs
from eie_backend.library import write_fault

Arrays = dict[str, NDArray[np.generic]]


def read_arrays(path: Path, specs: list[InputSpec]) -> Arrays:
    """Read a ``.npy`` (for a model with one input) or a ``.npz`` (arrays by input name).

    Raises
    ------
    InputError
        If the file is missing, not an array file, or needs pickle.
    """
    try:
        loaded = np.load(path, allow_pickle=False)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; give a .npy or .npz file") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path}: not a whole .npy or .npz file of plain arrays; write it with numpy.save"
        ) from error
    if isinstance(loaded, np.ndarray):
        if len(specs) != 1:
            names = ", ".join(spec.name for spec in specs)
            raise InputError(f"{path}: one array for {len(specs)} inputs; give a .npz with {names}")
        return {specs[0].name: loaded}
    with loaded:
        try:
            arrays = {name: loaded[name] for name in loaded.files}
        except (ValueError, zipfile.BadZipFile, OSError) as error:
            raise InputError(
                f"{path}: damaged, or arrays that need pickle; write it again"
            ) from error
    if len(specs) == len(arrays) == 1:
        return {specs[0].name: next(iter(arrays.values()))}
    return arrays


def read_inputs(path: Path, specs: list[InputSpec]) -> Arrays:
    """Read arrays and check them against a model's inputs; a fault names the file."""
    arrays = read_arrays(path, specs)
    try:
        check_inputs(specs, arrays)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return arrays


def write_file(path: Path, content: str | bytes) -> None:
    """Write a file aside and rename it.

    Raises
    ------
    ModelError
        If it cannot be written.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        with tempfile.TemporaryDirectory(prefix=".eie_", dir=path.parent) as folder:
            aside = Path(folder) / path.name
            aside.write_bytes(data)
            aside.replace(path)
    except OSError as error:
        raise ModelError(f"{path}: cannot be written: {write_fault(error)}") from error
