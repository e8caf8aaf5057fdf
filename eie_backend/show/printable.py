"""`printable`: text from files and models, made safe for a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Return `text` with non-printable characters escaped as in Python.

    A layer's name can hold a sequence that clears the screen, a line break, or marks that change
    the text direction; the escapes make them visible and harmless.

    Examples
    --------
    >>> printable("fc1\x1b[2J")
    'fc1\\x1b[2J'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
