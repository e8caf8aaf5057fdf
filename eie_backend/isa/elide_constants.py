"""`ElideConstants`: show large constants by their hash."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, DenseResourceAttr, ModuleOp
from xdsl.passes import ModulePass

ELIDE_BYTES = 128
"""Constants up to this size stay."""


@dataclass(frozen=True)
class ElideConstants(ModulePass):
    """Replace large constants, so that a program can be read.

    Before -> after, for a constant of more than `above_bytes` bytes::

        eie.bias dense<[...]> : tensor<300xi32>
          ->  eie.bias dense_resource<elided_0123456789abcdef> : tensor<300xi32>

    1. The name is the start of the SHA-256 of the data: other data, other name.
    2. Smaller constants are left alone.
    3. The result is a valid module, but no program: the assembler refuses it.
    """

    name = "elide-constants"

    above_bytes: int = ELIDE_BYTES

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Elide the constants of all operations, in place."""
        for operation in op.walk():
            for name, value in operation.properties.items():
                if not isinstance(value, DenseIntOrFPElementsAttr):
                    continue
                data = value.data.data
                if len(data) > self.above_bytes:
                    digest = hashlib.sha256(data).hexdigest()[:16]
                    operation.properties[name] = DenseResourceAttr.from_params(
                        f"elided_{digest}", value.type
                    )
