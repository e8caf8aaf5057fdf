"""`check_text`: reject MLIR text on which xDSL would take exponential time or memory.

1. An unterminated string: xDSL's lexer tries all 2**n ways to split its n characters.
2. An integer type of a million bits: xDSL computes its largest value.
3. A tensor type of 2**40 equal elements: xDSL expands them.
"""

from __future__ import annotations

import re
from math import prod

from eie_backend.errors import EncodingError

TOKEN = re.compile(
    r'//[^\n]*|"(?:[^"\\\n\v\f]|\\(?:["nt\\]|[0-9A-Fa-f]{2}))*(?P<end>"?)'
    r"|tensor<(?P<shape>[0-9x]*)|i(?P<bits>[0-9]{3,})"
)
"""Pattern of a comment, a (possibly unterminated) string, a tensor, or a type of >= 100 bits."""

MAX_ELEMENTS = 1 << 24
"""Most elements of all tensors of a text together; a longer text may have more."""


def check_text(text: str) -> str:
    """Return `text` unchanged if its length bounds the time and memory of parsing.

    Raises
    ------
    EncodingError
        At the first violation.
    """
    room = max(MAX_ELEMENTS, len(text))
    for found in TOKEN.finditer(text):
        fault = ""
        if found["shape"]:
            # A size with more digits than any valid sum is also too large.
            room -= prod(int(size[:20]) for size in found["shape"].split("x") if size)
        # 3.
        if room < 0:
            fault = f"more than {max(MAX_ELEMENTS, len(text))} elements up to {found[0][:40]!r}"
        elif found["bits"]:  # 2.
            fault = f"a type of {found['bits'][:20]} bits, at most 64 are known"
        elif found["end"] == "":  # 1.
            fault = f"no end, or an unknown escape, of the string {found[0][:20]!r}"
        if fault:
            line = text.count("\n", 0, found.start()) + 1
            raise EncodingError(f"eie text: line {line}: {fault}; correct the text")
    return text
