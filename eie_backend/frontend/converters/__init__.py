"""ONNX operators that TVM does not import, or not rightly, or not as Relax: a file per family.

Each file defines `CONVERTERS`, functions by operator, ``domain::Name`` if it is not of ONNX's own
domain; nothing lists the files.
"""

from collections.abc import Mapping

from tvm.relax.frontend.onnx.onnx_frontend import _get_convert_map

from eie_backend.discover import discover
from eie_backend.frontend.onnx_node import Conversion

FAMILIES: list[Mapping[str, Conversion]] = discover(__name__, __path__, "CONVERTERS")
CONVERTERS: Mapping[str, Conversion] = {
    name: convert for family in FAMILIES for name, convert in family.items()
}
"""By operator. One that returns None leaves the node to TVM's importer."""

MICROSOFT = "com.microsoft"
OF_MICROSOFT = (
    *("Attention", "BiasGelu", "EmbedLayerNormalization", "FastGelu", "Gelu", "MatMulInteger16"),
    "SkipLayerNormalization",
)
"""Operators of that domain that TVM imports; it reads no domain, and takes any for ONNX's own."""


def is_imported(domain: str, name: str) -> bool:
    """Return whether TVM's importer or a converter of this package has an operator."""
    if domain:
        ours = f"{domain}::{name}" in CONVERTERS
        return ours or (domain == MICROSOFT and name in OF_MICROSOFT)
    return (
        name in CONVERTERS or name == "If" or (name in _get_convert_map() and name != "Attention")
    )
