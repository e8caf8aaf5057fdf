"""Write compiled libraries atomically, and read them with an integrity check.

`export_library` appends a seal to the shared library: `SEAL` and the SHA-256 of all bytes before
it. Loaders ignore bytes after an ELF file's sections. A library without a seal (written by TVM's
own ``export_library``) also loads if it is not truncated; its images carry their own checksums.
"""

from __future__ import annotations

import hashlib
import os
import re
import struct
from collections.abc import Iterator
from math import prod
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from tvm.relax import VMExecutable

from eie_backend.codegen.opened import opened
from eie_backend.errors import ImageError, ModelError, first_line, is_out_of_memory, last_line
from eie_backend.files.whole_file import part_folder, write_fault
from eie_backend.isa.image import decode_image
from eie_backend.isa.program import Program
from eie_backend.process.lack import lack

SEAL = b"EIESEAL1"
DIGEST_BYTES = 32
CODE_BYTES = 4_000_000
"""Space reserved for the host's code and the linker's output; an upper bound in practice."""

ELF_HEADER_BYTES = 64
ELF_SECTION_TABLE = (40, 58)
"""Offsets of the section table's position (u64), and of its entry size and count (u16 each)."""


def export_library(executable: Any, path: str | PathLike[str]) -> None:
    """Write a compiled executable as a shared library; the file appears only when it is complete.

    Parameters
    ----------
    executable : tvm.relax.VMExecutable or an object with ``export_library``
        The executable that `compile` returned.
    path : path
        The file to write; an existing file is replaced.

    Raises
    ------
    ModelError
        If the name does not end in ``.so``, or the folder does not exist or cannot be written, or
        the library cannot be loaded.
    """
    if not hasattr(executable, "export_library"):
        raise ModelError(
            f"{fspath(path)}: a {type(executable).__name__} is no compiled model; give what "
            "eie_backend.compile returned"
        )
    final = Path(path)
    if final.suffix != ".so":
        raise ModelError(f"{final}: a library's name must end in .so; TVM loads files by suffix")
    try:
        with part_folder(final.parent) as folder:
            aside = folder / final.name
            if isinstance(executable, VMExecutable):
                _reserve(folder, _bytes_needed(executable))
            _link(executable, aside, final)
            digest = hashlib.sha256(aside.read_bytes()).digest()
            with aside.open("ab") as file:
                file.write(SEAL + digest)
                file.flush()
                os.fsync(file.fileno())
            if isinstance(executable, VMExecutable):
                _load_back(aside, final)
            aside.replace(final)
    except OSError as error:
        raise ModelError(
            f"{final}: cannot be written: {write_fault(error)}; give a folder that exists, has "
            "room and can be written"
        ) from error


def _load_back(aside: Path, final: Path) -> None:
    """Check that a library can be loaded, before it takes its name."""
    try:
        opened(aside.read_bytes())
    except RuntimeError as error:
        raise ModelError(
            f"{final}: what was compiled cannot be loaded: {first_line(error)}; export the model "
            "with other operators"
        ) from error


def _bytes_needed(executable: VMExecutable) -> int:
    """Estimate the size of a library: images, the host's tensors, and `CODE_BYTES`."""
    images = sum(
        len(module["__eie_image__"]()) for module in modules(executable.mod) if module.kind == "eie"
    )
    shapes = re.findall(r"(?<!shapetuple)\[([0-9, ]+)\]", executable.stats())
    tensors = sum(8 * prod(map(int, shape.split(","))) for shape in shapes)
    return images + tensors + CODE_BYTES


def _reserve(folder: Path, size: int) -> None:
    """Check that the disk has room for an object file and a library of `size` bytes each.

    LLVM ends the process when a write fails, so the check comes before LLVM writes.
    """
    paths = [folder / "object", folder / "library"]
    try:
        for path in paths:
            with path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror}; it needs about {2 * size} bytes") from error
    for path in paths:
        path.unlink()


def _link(executable: Any, aside: Path, final: Path) -> None:
    try:
        executable.export_library(fspath(aside), workspace_dir=fspath(aside.parent))
    except OSError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        if lacking := lack(error):
            raise ModelError(
                f"{final}: cannot be linked: {lacking.reason}; {lacking.remedy}"
            ) from error
        raise ModelError(
            f"{final}: cannot be linked: {first_line(error)}; install a C++ compiler (g++), which "
            "TVM looks for on the PATH"
        ) from error


def load(path: str | PathLike[str]) -> VMExecutable:
    """Load a compiled library.

    It is loaded as it is now, whatever becomes of the file; files of equal content give one
    executable, which memory holds while it is in use.

    Raises
    ------
    ImageError
        If the file is missing, truncated, altered, or holds no program for the machine.
    """
    if not isinstance(path, str | PathLike):
        raise ImageError(
            f"a {type(path).__name__} is no compiled model; give what eie_backend.compile "
            "returned, or the path of a library"
        )
    library = read_whole(Path(path))
    try:
        executable = opened(library)
    except OSError as error:
        raise ImageError(
            f"{fspath(path)}: cannot be loaded: {error.strerror}; a library takes a descriptor and "
            "its size of memory: raise the limits (ulimit -a)"
        ) from error
    except Exception as error:
        raise ImageError(
            f"{fspath(path)}: cannot be loaded: {last_line(error)}; compile the model again"
        ) from error
    if not programs(executable):
        raise ImageError(f"{fspath(path)}: holds no eie program; compile with target 'eie'")
    return executable


def check_whole(path: Path) -> None:
    """Raise `ImageError` unless the file is a complete, unaltered library."""
    read_whole(path)


def read_whole(path: Path) -> bytes:
    """Return the bytes of a library, seal and all.

    Raises
    ------
    ImageError
        Unless the file is a complete, unaltered library.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImageError(
            f"{path}: cannot be read: {error.strerror}; give a library written by `eie compile`"
        ) from error
    seal_at = len(data) - len(SEAL) - DIGEST_BYTES
    if seal_at > 0 and data[seal_at:].startswith(SEAL):
        if hashlib.sha256(data[:seal_at]).digest() != data[seal_at + len(SEAL) :]:
            raise ImageError(f"{path}: altered after it was written; compile the model again")
        return data
    if not data.startswith(b"\x7fELF"):
        raise ImageError(f"{path}: not a compiled library; give a file written by `eie compile`")
    # Linkers write the section table last: without a seal, an ELF file ends there.
    if len(data) < ELF_HEADER_BYTES or _elf_end(data) != len(data):
        raise ImageError(f"{path}: truncated or altered; compile the model again")
    return data


def _elf_end(data: bytes) -> int:
    table_at, sizes_at = ELF_SECTION_TABLE
    (start,) = struct.unpack_from("<Q", data, table_at)
    size, count = struct.unpack_from("<2H", data, sizes_at)
    return int(start + size * count)


def programs(executable: Any) -> list[Program]:
    """Return the machine's programs in a compiled executable or runtime module."""
    root = getattr(executable, "mod", executable)
    return [
        program
        for module in modules(root)
        if module.kind == "eie"
        for program in decode_image(bytes(module["__eie_image__"]()))
    ]


def modules(root: Any) -> Iterator[Any]:
    """Yield a module and all that it imports."""
    yield root
    for imported in root.imports:
        yield from modules(imported)
