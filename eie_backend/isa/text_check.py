"""`check_text`: refuse MLIR text on which xDSL would take exponential time or memory.

1. A string that does not end: xDSL's lexer tries every way to cut it into pieces, 2**n of them for
   n characters.
2. An integer type of a million bits: xDSL computes its largest value.
3. A tensor type of 2**40 elements, all equal: xDSL writes them out.
"""

from __future__ import annotations

import re
from math import prod

from eie_backend.errors import EncodingError

TOKEN = re.compile(
    r'//[^\n]*|"(?:[^"\\\n\v\f]|\\(?:["nt\\]|[0-9A-Fa-f]{2}))*(?P<end>"?)'
    r"|tensor<(?P<shape>[0-9x]*)|i(?P<bits>[0-9]{3,})"
)
"""A comment, a string of which the end may be missing, a tensor, or a type of 100 bits or more."""

MAX_ELEMENTS = 1 << 24
"""Most elements of all tensors together in a text that is shorter."""


def check_text(text: str) -> str:
    """Return MLIR text that can be parsed in time and memory that its length bounds.

    Raises
    ------
    EncodingError
        At the first place where that is not so.
    """
    room = max(MAX_ELEMENTS, len(text))
    for found in TOKEN.finditer(text):
        fault = ""
        if found["shape"]:
            # A size of more digits than any sum here is too large as well.
            room -= prod(int(size[:20]) for size in found["shape"].split("x") if size)
        if room < 0:
            fault = f"more than {max(MAX_ELEMENTS, len(text))} elements up to {found[0][:40]!r}"
        elif found["bits"]:
            fault = f"a type of {found['bits'][:20]} bits, at most 64 are known"
        elif found["end"] == "":
            fault = f"no end, or an unknown escape, of the string {found[0][:20]!r}"
        if fault:
            line = text.count("\n", 0, found.start()) + 1
            raise EncodingError(f"eie text: line {line}: {fault}; correct the text")
    return text
