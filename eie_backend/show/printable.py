"""Text from files and models as a terminal may show it."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Return `text` with everything that does not print written as Python would write it.

    A layer's name can hold a sequence that clears the screen, a line break, or marks that turn the
    direction of reading; shown, it only says so.

    Examples
    --------
    >>> printable("fc1\x1b[2J")
    'fc1\\x1b[2J'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
