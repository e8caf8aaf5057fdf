"""``timing.h``: the machine's times that both timed engines count with."""

from __future__ import annotations

from eie_backend.generate.cpp import header
from eie_backend.machine.timing import PIPELINE_EDGES


def timing_header() -> str:
    """Return the header."""
    body = (
        "/// From a layer's last issue, or from its last row if nothing is issued, to its end.\n"
        f"constexpr int64_t kPipelineEdges = {PIPELINE_EDGES};\n"
    )
    return header("eie_backend/machine/timing.py", "TIMING", ("cstdint",), body)
