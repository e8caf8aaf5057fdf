"""`ModulePass`: type information on passes, which TVM's decorator turns into TVM passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tvm import IRModule


class ModulePass:
    """Base of classes with the decorator ``tvm.transform.module_pass``; instances are callable."""

    if TYPE_CHECKING:

        def __call__(self, mod: IRModule) -> IRModule:
            """Return the transformed module."""
