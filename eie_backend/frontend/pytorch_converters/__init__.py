"""PyTorch operators that TVM's importer does not have, or not rightly: a file per family.

Each file defines `CONVERTERS`, functions of a node and the importer by the operator's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from eie_backend.discover import discover
from eie_backend.frontend.pytorch_converters._node import Conversion

if TYPE_CHECKING:
    from torch.export import ExportedProgram

FAMILIES: list[Mapping[str, Conversion]] = discover(__name__, __path__, "CONVERTERS")
CONVERTERS: Mapping[str, Conversion] = {
    name: convert for family in FAMILIES for name, convert in family.items()
}
"""By operator, with its overload."""


def decomposed(program: ExportedProgram) -> ExportedProgram:
    """Return a program of PyTorch's core operators, and of those that are converted here."""
    from torch.export import default_decompositions

    table: Any = default_decompositions()
    for operator in [*table]:
        if str(operator).removeprefix("aten.") in CONVERTERS:
            table.pop(operator)
    return program.run_decompositions(table)
