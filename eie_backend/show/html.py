"""Tables and texts as HTML, for notebooks.

Tables have no colours, so that they are readable in light and dark themes. Text from models is
escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

MOST_LINES = 400
"""Most lines that `listing` shows of a text."""


def table(caption: str, header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return an HTML table; numbers are aligned to the right, and all text is escaped.

    Examples
    --------
    >>> table("a < b", ["n"], [[1]]).splitlines()[1]
    '<caption>a &lt; b</caption>'
    """
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in header)
    body = "\n".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return (
        f"<table>\n<caption>{escape(caption)}</caption>\n"
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"
    )


def folded(summary: str, content: str) -> str:
    """Return a summary that unfolds `content` (HTML) when clicked."""
    return f"<details>\n<summary>{escape(summary)}</summary>\n{content}\n</details>"


def listing(lines: Sequence[str]) -> str:
    """Return at most `MOST_LINES` lines of preformatted text."""
    shown = list(lines[:MOST_LINES])
    if len(lines) > MOST_LINES:
        shown.append(f"... {len(lines) - MOST_LINES:,} more lines")
    return f"<pre>{escape(chr(10).join(shown))}</pre>"


class Number:
    """A number with its formatted text."""

    def __init__(self, value: float, spec: str) -> None:
        self.text = format(value, spec)


class Bar:
    """A length among others."""

    def __init__(self, value: int, longest: int) -> None:
        self.value, self.longest = value, longest


def _cell(value: object) -> str:
    if isinstance(value, Bar):
        return f'<td><meter min="0" max="{value.longest}" value="{value.value}"></meter></td>'
    if isinstance(value, (int, Number)):
        text = value.text if isinstance(value, Number) else f"{value:,}"
        return f'<td style="text-align: right">{text}</td>'
    return f'<td style="text-align: left">{escape(str(value))}</td>'
