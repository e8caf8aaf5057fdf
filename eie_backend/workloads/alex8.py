"""Alex-8, AlexNet's compressed last layer, as published by the EIE paper's authors."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from eie_backend.errors import InputError
from eie_backend.files.array_file import read_array_file
from eie_backend.workloads.layer import Layer

ARRAYS = ("codes", "codebook", "bias_codes", "activations", "output_float32")


def read_alex8(path: str | PathLike[str]) -> Layer:
    """Read the real layer with its one real input.

    Parameters
    ----------
    path : path
        A ``.npz`` with codes (1000, 4096) uint8, codebook (16,) float32, bias_codes (1000,) uint8,
        activations (4096,) float32 and output_float32 (1000,) float32.

    Raises
    ------
    InputError
        If the file cannot be read or lacks an array.
    """
    try:
        data = read_array_file(Path(path))
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read: {error.strerror or error}; give Alex-8's .npz"
        ) from error
    except ValueError as error:
        raise InputError(
            f"{path}: not a whole .npz file of plain arrays: {error}; give Alex-8's .npz"
        ) from error
    missing = [name for name in ARRAYS if not (isinstance(data, dict) and name in data)]
    if missing:
        raise InputError(f"{path}: has no {', '.join(missing)}; give Alex-8's .npz")
    codes, codebook, bias, x, expected = (data[name] for name in ARRAYS)
    origin = "as its authors published it, with a real input"
    return Layer("Alex-8", origin, codes, codebook, x, bias, expected)
