"""`linked`: what `compile` returned, as a module that runs in this process."""

from __future__ import annotations

import tempfile
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from tvm.relax import VMExecutable

from eie_backend.codegen.library import export_library, modules
from eie_backend.codegen.opened import opened
from eie_backend.errors import ModelError
from eie_backend.files.whole_file import write_fault

NEED_A_LINKER = ("c", "static_library")
"""Kinds of modules that hold code which is not yet linked."""

NO_CODE = ";"
"""The source of the module of kind "c" that TVM adds where the host has nothing to compute."""

_linked: WeakKeyDictionary[VMExecutable, VMExecutable] = WeakKeyDictionary()
_linking = Lock()


def linked(executable: VMExecutable) -> Any:
    """Return a `tvm.runtime.Module` for a VM: the executable's own, or that of its library.

    A library is linked once, where there is code to be linked. ``executable.jit()`` links even what
    has no code, and keeps the library for the rest of the process.

    Raises
    ------
    ModelError
        If the library cannot be linked or written.
    """
    if not any(map(_needs_a_linker, modules(executable.mod))):
        return executable.mod
    with _linking:
        if executable not in _linked:
            _linked[executable] = opened(library_bytes(executable))
        return _linked[executable].mod


def _needs_a_linker(module: Any) -> bool:
    if module.kind == "c" and module.inspect_source().strip() == NO_CODE:
        return False
    return module.kind in NEED_A_LINKER


def library_bytes(executable: VMExecutable) -> bytes:
    """Return the library that `export_library` writes.

    Raises
    ------
    ModelError
        If it cannot be linked, or there is no room in the folder for temporary files.
    """
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.so"
            export_library(executable, path)
            return path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"a library cannot be written to {tempfile.gettempdir()}: {write_fault(error)}; set "
            "TMPDIR to a folder with room"
        ) from error
