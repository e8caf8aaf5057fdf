"""`check_module`: whether what a user gives is a module that can be compiled."""

from __future__ import annotations

from os import PathLike
from typing import Any

from tvm import IRModule

from eie_backend.errors import ModelError


def check_module(given: Any, purpose: str) -> None:
    """Do nothing for a module with a function ``main``; `purpose` is what it is given for.

    Raises
    ------
    ModelError
        If it is none.
    """
    if not isinstance(given, IRModule):
        kind = "a path" if isinstance(given, str | PathLike) else f"a {type(given).__name__}"
        raise ModelError(
            f"{purpose}: {kind}; it must be a Relax module: import the model, for example with "
            "eie_backend.from_onnx"
        )
    if "main" not in [gvar.name_hint for gvar in given.get_global_vars()]:
        raise ModelError(f"{purpose}: the module has no function `main`; give one that has")
