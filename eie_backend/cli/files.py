"""Read arrays and write results; files are written atomically."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO, cast

import numpy as np
from numpy.typing import NDArray

from eie_backend.cli.console import asked, end_quietly, out
from eie_backend.cli.streams import unwritable
from eie_backend.codegen.library import load, programs
from eie_backend.errors import EieError, ImageError, InputError, ModelError
from eie_backend.files.array_file import read_array_file
from eie_backend.files.whole_file import part_folder, write_fault, write_together
from eie_backend.isa.image import decode_image
from eie_backend.isa.image.sections import MAGIC
from eie_backend.isa.program import Program
from eie_backend.process.interrupts import undone
from eie_backend.simulator.not_finite import count, refuse
from eie_backend.transform.inputs import InputSpec, check_inputs

Arrays = dict[str, NDArray[np.generic]]

STANDARD = Path("-")
"""File name that means standard input or output."""


def read_arrays(path: Path, specs: list[InputSpec]) -> Arrays:
    """Read a ``.npy`` (for a model with one input) or a ``.npz`` (arrays by input name).

    Raises
    ------
    InputError
        If the file is missing, not an array file, or needs pickle.
    """
    return by_input(_load(path), path, specs)


def by_input(loaded: NDArray[np.generic] | Arrays, path: Path, specs: list[InputSpec]) -> Arrays:
    """Return arrays by input name; a single array without a name fits a model with one input."""
    if isinstance(loaded, np.ndarray):
        if len(specs) != 1:
            names = ", ".join(spec.name for spec in specs)
            raise InputError(f"{path}: one array for {len(specs)} inputs; give a .npz with {names}")
        return {specs[0].name: loaded}
    if len(specs) == len(loaded) == 1:
        return {specs[0].name: next(iter(loaded.values()))}
    return loaded


def _load(path: Path) -> NDArray[np.generic] | Arrays:
    """Return the array in a ``.npy``, or those in a ``.npz`` by name."""
    try:
        return read_array_file(path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; give a .npy or .npz file") from error
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read: {error.strerror or error}; give a file that can be read"
        ) from error
    except ValueError as error:
        raise InputError(
            f"{path}: not a whole .npy or .npz file of plain arrays: {error}; write it with "
            "numpy.save or numpy.savez"
        ) from error


def read_inputs(path: Path, specs: list[InputSpec], strict: bool = False) -> Arrays:
    """Read arrays and check them against a model's inputs; errors name the file.

    With `strict`, values that are not finite are refused.
    """
    arrays = check_arrays(read_arrays(path, specs), path, specs)
    return check_finite(arrays, path) if strict else arrays


def read_samples(
    path: Path, specs: list[InputSpec], strict: bool = False
) -> tuple[Arrays, NDArray[np.generic] | None]:
    """Read arrays as `read_inputs` does, and `labels` if the ``.npz`` has them.

    Raises
    ------
    InputError
        If the file cannot be read, or does not fit the inputs.
    """
    loaded, labels = _load(path), None
    if isinstance(loaded, dict) and "labels" not in {spec.name for spec in specs}:
        labels = loaded.pop("labels", None)
    arrays = check_arrays(by_input(loaded, path, specs), path, specs)
    return check_finite(arrays, path) if strict else arrays, labels


def read_labels(path: Path) -> NDArray[np.generic]:
    """Read the class of each sample from a ``.npy``, or from `labels` in a ``.npz``.

    Raises
    ------
    InputError
        If the file cannot be read, or holds no labels.
    """
    loaded = _load(path)
    if isinstance(loaded, np.ndarray):
        return loaded
    if "labels" not in loaded:
        raise InputError(
            f"{path}: holds {', '.join(loaded) or 'nothing'}, but not `labels`, the class of each "
            "sample; write them with numpy.save"
        )
    return loaded["labels"]


def check_arrays(arrays: Arrays, path: Path, specs: list[InputSpec]) -> Arrays:
    """Check that arrays fit a model's inputs, and return them; errors name the file.

    Raises
    ------
    InputError
        If they do not; the message lists all faults.
    """
    try:
        check_inputs(specs, arrays)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return arrays


def check_finite(arrays: Arrays, where: Path | str) -> Arrays:
    """Check that arrays hold neither NaN nor infinity, and return them; errors say where they are.

    Raises
    ------
    InputError
        If they do; the message counts them by input.
    """
    try:
        refuse(count(arrays))
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    return arrays


def read_labelled(
    path: Path, strict: bool = False
) -> tuple[Arrays | NDArray[np.generic], NDArray[np.generic]]:
    """Read a ``.npz`` with `labels` and inputs: arrays by name, or a single array.

    With `strict`, inputs that are not finite are refused.

    Raises
    ------
    InputError
        If the file cannot be read, lacks labels or inputs, or is refused.
    """
    arrays = _load(path)
    if isinstance(arrays, np.ndarray) or "labels" not in arrays:
        held = "one array" if isinstance(arrays, np.ndarray) else ", ".join(arrays) or "nothing"
        raise InputError(
            f"{path}: holds {held}, but not `labels`, the class of each sample; write them and the "
            "model's inputs with numpy.savez"
        )
    labels = arrays.pop("labels")
    if not arrays:
        raise InputError(f"{path}: no inputs beside `labels`; add the model's by name")
    if strict:
        check_finite(arrays, path)
    return (next(iter(arrays.values())) if len(arrays) == 1 else arrays), labels


def read_plain(path: Path, strict: bool = False) -> Arrays | NDArray[np.generic]:
    """Read inputs: arrays by name, or a single array.

    With `strict`, values that are not finite are refused.

    Raises
    ------
    InputError
        If the file cannot be read, or is refused.
    """
    arrays = _load(path)
    if strict:
        check_finite(arrays if isinstance(arrays, dict) else {"": arrays}, path)
    if isinstance(arrays, dict) and len(arrays) == 1:
        return next(iter(arrays.values()))
    return arrays


def read_bytes(path: Path) -> bytes:
    """Return the content of a file, or of standard input for ``-``.

    Raises
    ------
    ImageError
        If it cannot be read.
    """
    try:
        return sys.stdin.buffer.read() if path == STANDARD else path.read_bytes()
    except FileNotFoundError as error:
        raise ImageError(f"{path}: no such file; give a file, or - for standard input") from error
    except OSError as error:
        raise ImageError(
            f"{path}: cannot be read: {error.strerror or error}; give a file that can be read"
        ) from error


def read_programs(path: Path) -> list[Program]:
    """Return the machine's programs in an image or a compiled library.

    Raises
    ------
    ImageError
        If the file is neither, or is truncated or altered.
    """
    data = read_bytes(path)
    if not data.startswith(MAGIC):
        if path == STANDARD:
            raise ImageError("-: not an eie image; give a library by its name")
        return programs(load(path))
    try:
        return [*decode_image(data)]
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from error


def check_place(path: Path, suffix: str | None = None) -> None:
    """Check the name of an output file before any computation.

    Raises
    ------
    ModelError
        If its folder does not exist or cannot be written, or its suffix is not `suffix`.
    """
    if suffix is not None and path.suffix != suffix:
        raise ModelError(f"{path}: its name must end in {suffix}")
    try:
        if not path.parent.is_dir():
            raise ModelError(f"{path}: cannot be written: its folder does not exist; create it")
        if path.exists() and not path.is_file():
            return
        with part_folder(path.parent):
            pass
    except OSError as error:
        raise ModelError(
            f"{path}: cannot be written: {write_fault(error)}; give a folder that has room and "
            "can be written"
        ) from error


def check_different(*paths: Path) -> None:
    """Check that the output files of a command are different files.

    Raises
    ------
    ModelError
        If one would replace another.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        if (other := found.setdefault(path.resolve(), path)) is not path:
            raise ModelError(f"{path}: is also written as {other}; give them different names")


@contextmanager
def about(path: Path, *kinds: type[EieError]) -> Iterator[None]:
    """Put the file that errors of some kinds are about before what they say."""
    try:
        yield
    except kinds as error:
        raise type(error)(f"{path}: {error}") from error.__cause__


@contextmanager
def made_folder(path: Path) -> Iterator[None]:
    """Create a folder for files, and remove it at the end if it is empty.

    Raises
    ------
    ModelError
        If the folder cannot be created.
    """
    try:
        made = not path.exists()
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(
            f"{path}: cannot be made: {error.strerror}; give a folder that can be written"
        ) from error

    def remove() -> None:
        if made:
            with suppress(OSError):  # it is not empty
                path.rmdir()

    try:
        with undone(remove):
            yield
    finally:
        remove()


def check_standard(output: Path) -> None:
    """Check that standard output is not used for both a file and the object of --json.

    Raises
    ------
    ModelError
        If it is used for both.
    """
    if output == STANDARD and asked.json:
        raise ModelError("--json prints its object on standard output; give -o FILE")


def write_parts(parts: Sequence[str | bytes], path: Path) -> list[Path]:
    """Write parts to `path` and to numbered files next to it, or a single part to standard output.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    ModelError
        If a file cannot be written, or several parts would go to standard output.
    """
    if path != STANDARD:
        numbered = [path.with_stem(f"{path.stem}_{number}") for number in range(1, len(parts))]
        written = [path, *numbered]
        files = dict(zip(written, parts, strict=False))
        write_files(dict(reversed(files.items())))
        return list(files)
    if len(parts) > 1:
        raise ModelError(f"{len(parts)} files do not go to standard output; give -o FILE")
    results = cast(TextIO, out.file)
    try:
        for part in parts:
            results.buffer.write(part.encode() if isinstance(part, str) else part)
        results.flush()
    except BrokenPipeError:
        end_quietly()
    except OSError as error:
        raise unwritable(error) from error
    return []


def write_file(path: Path, content: str | bytes) -> None:
    """Write a file atomically; see `write_files`."""
    write_files({path: content})


def write_files(files: Mapping[Path, str | bytes]) -> None:
    """Write the files of one result together, the main file last.

    Raises
    ------
    ModelError
        If a file cannot be written.
    """
    data = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
    try:
        write_together(data)
    except OSError as error:
        raise ModelError(
            f"{error.filename}: cannot be written: {write_fault(error)}; give a folder that "
            "exists, has room and can be written"
        ) from error
