"""TopK, of what TVM can sort."""

from __future__ import annotations

from eie_backend.errors import ModelError
from eie_backend.frontend.onnx_node import Node, dtype_of


def top_k(node: Node) -> None:
    """Leave the node to TVM's importer, unless its sort lacks the dtype."""
    if (kind := dtype_of(node.inputs[0])) in ("uint64", "uint32", "uint16", "bool"):
        raise ModelError(f"it sorts {kind}, which TVM cannot; give it int64")


CONVERTERS = {"TopK": top_k}
