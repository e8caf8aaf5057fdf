"""`linked`: what `compile` returned, as an executable that can run in this process."""

from __future__ import annotations

import tempfile
from pathlib import Path
from threading import Lock
from weakref import WeakKeyDictionary

from tvm.relax import VMExecutable

from eie_backend.codegen.library import export_library, modules
from eie_backend.codegen.opened import opened
from eie_backend.errors import ModelError
from eie_backend.files.whole_file import write_fault

NEED_A_LINKER = ("c", "static_library")
"""Kinds of modules that hold code which is not yet linked."""

_linked: WeakKeyDictionary[VMExecutable, VMExecutable] = WeakKeyDictionary()
_linking = Lock()


def linked(executable: VMExecutable) -> VMExecutable:
    """Return the executable itself if it can run, or else the one in its library, linked once.

    ``executable.jit()`` does the same, but keeps the library for the rest of the process.

    Raises
    ------
    ModelError
        If the library cannot be linked or written.
    """
    if all(module.kind not in NEED_A_LINKER for module in modules(executable.mod)):
        return executable
    with _linking:
        if executable not in _linked:
            _linked[executable] = opened(library_bytes(executable))
        return _linked[executable]


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
