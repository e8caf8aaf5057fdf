"""`discover`: what each file of a folder defines, so that such files are listed nowhere."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any


def discover(package: str, path: Iterable[str], constant: str) -> list[Any]:
    """Return the constant of that name of every module of a package, in the order of file names.

    Modules whose names begin with an underscore only help the others.

    Parameters
    ----------
    package, path : str, iterable of str
        ``__name__`` and ``__path__`` of the package.
    constant : str
        What every module in it must define.

    Raises
    ------
    TypeError
        If modules do not define it; the message names all of them.
    """
    names = [info.name for info in iter_modules(path) if not info.name.startswith("_")]
    modules = [import_module(f"{package}.{name}") for name in names]
    if lacking := [module.__name__ for module in modules if not hasattr(module, constant)]:
        raise TypeError(
            f"{', '.join(lacking)}: no {constant}; every file of this folder defines one: add it, "
            "or move the file"
        )
    return [getattr(module, constant) for module in modules]
