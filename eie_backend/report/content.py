"""The content of a page as plain data: sections with sentences, tables, figures and listings.

All texts are plain text, which the template escapes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, TypeAlias


@dataclass(frozen=True)
class Cell:
    """A table cell; `order` is its sort key, and `link` the id that it links to."""

    text: str
    order: float | None = None
    link: str = ""


@dataclass(frozen=True)
class Column:
    """A table column with its unit; `doc` describes it."""

    title: str
    unit: str = ""
    doc: str = ""


@dataclass(frozen=True)
class Table:
    """A table whose first column names the row; `ids` are the rows' anchors."""

    kind: ClassVar = "table"
    id: str
    label: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    total: Sequence[Cell] = ()
    ids: Sequence[str] = ()
    sortable: bool = False


@dataclass(frozen=True)
class Choice:
    """One picture of a figure: Plotly's traces and layout, and its numbers as a table.

    `numbers` are rows of texts; the first row is the head. A heat map has no `numbers`, because
    the picture is already a table.
    """

    name: str
    data: Sequence[Any]
    layout: Mapping[str, Any]
    numbers: Sequence[Sequence[str]] = ()


@dataclass(frozen=True)
class Figure:
    """Pictures, one of which is visible at a time; `choose` names the property that differs."""

    kind: ClassVar = "figure"
    id: str
    label: str
    caption: str
    choices: Sequence[Choice]
    choose: str = ""
    min_width: int = 0

    @property
    def pictures(self) -> list[dict[str, Any]]:
        """The choices, in the form that the page's script reads."""
        return [asdict(choice) for choice in self.choices]


@dataclass(frozen=True)
class Note:
    """A sentence next to figures."""

    kind: ClassVar = "note"
    text: str


@dataclass(frozen=True)
class Terms:
    """Terms with their definitions."""

    kind: ClassVar = "terms"
    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Line:
    """A line of a listing; its word `linked` links to the id `link`."""

    text: str
    id: str = ""
    linked: str = ""
    link: str = ""


@dataclass(frozen=True)
class Listing:
    """A program's text."""

    kind: ClassVar = "listing"
    id: str
    title: str
    lines: Sequence[Line]


@dataclass(frozen=True)
class Download:
    """A file inside the page."""

    kind: ClassVar = "download"
    name: str
    title: str
    url: str


@dataclass(frozen=True)
class Tiles:
    """A few numbers in large type: name, value and explanation."""

    kind: ClassVar = "tiles"
    rows: Sequence[tuple[str, str, str]]


Part: TypeAlias = Table | Figure | Note | Terms | Listing | Download | Tiles


@dataclass(frozen=True)
class Section:
    """A section of the page; `lead` is its introduction."""

    id: str
    title: str
    lead: str
    parts: Sequence[Part] = ()
