"""ONNX operators that TVM does not import, or not rightly, or not as Relax: a file per family.

Each file defines `CONVERTERS`, functions by operator of ONNX's own domain; nothing lists the files.
"""

from collections.abc import Mapping

from eie_backend.discover import discover
from eie_backend.frontend.onnx_node import Conversion

FAMILIES: list[Mapping[str, Conversion]] = discover(__name__, __path__, "CONVERTERS")
CONVERTERS: Mapping[str, Conversion] = {
    name: convert for family in FAMILIES for name, convert in family.items()
}
"""By operator. One that returns None leaves the node to TVM's importer."""
