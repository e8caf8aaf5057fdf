"""What type checkers must know of our passes, which TVM's decorator turns into TVM passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tvm import IRModule


class ModulePass:
    """Base of classes decorated with ``tvm.transform.module_pass``: instances are called."""

    if TYPE_CHECKING:

        def __call__(self, mod: IRModule) -> IRModule:
            """Return the transformed module."""
