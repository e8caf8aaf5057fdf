"""What a page is made of: sections of sentences, tables, figures and listings.

Plain data; all texts are plain text, which the template escapes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, TypeAlias


@dataclass(frozen=True)
class Cell:
    """An entry of a table; `order` is what it is sorted by, `link` the id that it leads to."""

    text: str
    order: float | None = None
    link: str = ""


@dataclass(frozen=True)
class Column:
    """A column of a table with its unit; `doc` says what it shows."""

    title: str
    unit: str = ""
    doc: str = ""


@dataclass(frozen=True)
class Table:
    """A table whose first column names the row; `ids` are anchors of the rows."""

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

    `numbers` are rows of texts, the first of which is the head. A heat map needs none: its rows and
    columns are its numbers.
    """

    name: str
    data: Sequence[Any]
    layout: Mapping[str, Any]
    numbers: Sequence[Sequence[str]] = ()


@dataclass(frozen=True)
class Figure:
    """Pictures of which one is seen at a time; `choose` names what tells them apart."""

    kind: ClassVar = "figure"
    id: str
    label: str
    caption: str
    choices: Sequence[Choice]
    choose: str = ""
    min_width: int = 0

    @property
    def pictures(self) -> list[dict[str, Any]]:
        """The choices as the page's script takes them."""
        return [asdict(choice) for choice in self.choices]


@dataclass(frozen=True)
class Note:
    """A sentence beside figures."""

    kind: ClassVar = "note"
    text: str


@dataclass(frozen=True)
class Terms:
    """Words and what they mean."""

    kind: ClassVar = "terms"
    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Line:
    """A line of a listing: `link` is the id that its word `linked` leads to."""

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
    """A few numbers in large type: name, value and what it is of."""

    kind: ClassVar = "tiles"
    rows: Sequence[tuple[str, str, str]]


Part: TypeAlias = Table | Figure | Note | Terms | Listing | Download | Tiles


@dataclass(frozen=True)
class Section:
    """A section of the page; `lead` says what there is to see."""

    id: str
    title: str
    lead: str
    parts: Sequence[Part] = ()
