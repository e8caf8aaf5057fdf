"""`opened`: the executable in a library's bytes, shared by its users and dropped with the last.

TVM's ``load_module`` keeps every module for the rest of the process. And the dynamic loader knows
libraries by name and inode: while a library is in use, another that took its place would not be
loaded, and one that is overwritten changes under its users. So the bytes are loaded from a file of
their own in memory, which no other process sees.
"""

from __future__ import annotations

import hashlib
import os
from itertools import count
from threading import Lock
from weakref import WeakValueDictionary

import tvm_ffi
from tvm.relax import VMExecutable

_executables: WeakValueDictionary[bytes, VMExecutable] = WeakValueDictionary()
"""Those in use, by the digest of their library."""

_numbers = count()
_loading = Lock()


def opened(library: bytes) -> VMExecutable:
    """Return the executable in a whole library; equal bytes give one object while it is in use.

    Raises
    ------
    OSError
        If there is no room for the library, or no descriptor.
    RuntimeError
        If the dynamic loader or TVM refuses it.
    """
    digest = hashlib.sha256(library).digest()
    with _loading:
        found = _executables.get(digest)
        if found is None:
            found = _executables[digest] = VMExecutable(_loaded(library))
        return found


def _loaded(library: bytes) -> tvm_ffi.Module:
    descriptor = os.memfd_create("library")
    with os.fdopen(descriptor, "wb") as file:
        file.write(library)
        file.flush()
        name = _name(descriptor)
        load = tvm_ffi.get_global_func("ffi.Module.load_from_file.so")
        try:
            module: tvm_ffi.Module = load(name, "so")
        except Exception as error:
            raise RuntimeError(str(error).replace(f" {name}", "")) from error
        return module


def _name(descriptor: int) -> str:
    """Return a path of a descriptor, written as none was before it."""
    written = f"{next(_numbers):b}".replace("1", "./").replace("0", "/")
    return f"/proc/self/fd/{written}{descriptor}"
