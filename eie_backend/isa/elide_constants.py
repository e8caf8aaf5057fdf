"""`ElideConstants`: replace large constants by their hash."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import (
    DenseIntOrFPElementsAttr,
    DenseResourceAttr,
    DictionaryAttr,
    ModuleOp,
    StringAttr,
)
from xdsl.passes import ModulePass

from eie_backend.isa.dialect import ProgramOp
from eie_backend.isa.program import RECORD

ELIDE_BYTES = 128
"""Size up to which constants are not elided."""

ELIDED = "elided_"


@dataclass(frozen=True)
class ElideConstants(ModulePass):
    """Replace large constants by their hash, so that a program is readable.

    Before -> after, for a constant of more than `above_bytes` bytes::

        eie.bias dense<[...]> : tensor<300xi32>
          ->  eie.bias dense_resource<elided_0123456789abcdef> : tensor<300xi32>

    1. The name is the start of the SHA-256 of the data, so different data have different names.
    2. Smaller constants are left alone.
    3. The result is a valid module, but the assembler rejects it.
    4. Long manifest entries that only reports read are elided, too.
    """

    name = "elide-constants"

    above_bytes: int = ELIDE_BYTES

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Elide the constants of all operations, in place."""
        for operation in op.walk():
            for name, value in operation.properties.items():
                if isinstance(value, DenseIntOrFPElementsAttr):
                    data = value.data.data
                    # 2.
                    if len(data) > self.above_bytes:
                        operation.properties[name] = DenseResourceAttr.from_params(
                            _name(data), value.type
                        )
            if isinstance(operation, ProgramOp):
                operation.properties["manifest"] = self._short(operation.manifest)

    def _short(self, manifest: DictionaryAttr) -> DictionaryAttr:
        entries = dict(manifest.data)
        # 4.
        for key in RECORD:
            text = entries.get(key)
            if isinstance(text, StringAttr) and not text.data.startswith(ELIDED):
                if len(text.data) > self.above_bytes:
                    entries[key] = StringAttr(_name(text.data.encode()))
        return DictionaryAttr(entries)


def _name(data: bytes) -> str:
    # 1.
    return f"{ELIDED}{hashlib.sha256(data).hexdigest()[:16]}"
