"""`Table`: a table that folds text but not numbers, and splits into several tables if too wide.

The text columns come first; each part of a split table repeats them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import rich.table
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from eie_backend.show.printable import printable

SIDES = 3
"""Extra characters per column: a space on either side and a line."""

NAME_WIDTH = 12
"""Width to which a text column folds before the table is split."""

Cell = str | Text


class Table:
    """Rows below a bold title; the first `text` columns are text and the others numbers.

    Parameters
    ----------
    title : str
        The title above the table; "" for none.
    columns : sequence of str
        Headers, with the unit if all cells have the same unit.
    text : int
        Number of text columns.
    """

    def __init__(self, title: str, columns: Sequence[str], text: int = 1) -> None:
        self.title, self.columns, self._text = title, tuple(columns), text
        self._rows: list[tuple[Cell, ...]] = []
        self._last_of_section: set[int] = set()

    def add_row(self, *cells: Cell) -> None:
        """Add a row with a cell for each column."""
        if len(cells) != len(self.columns):
            raise ValueError(f"{len(cells)} cells for the columns {', '.join(self.columns)}")
        self._rows.append(cells)

    def add_section(self) -> None:
        """Draw a line below the last row."""
        self._last_of_section.add(len(self._rows) - 1)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the title and as many tables as the width requires."""
        if self.title:
            yield Text(printable(self.title), "bold")
        natural = [max(_width(header), self._content(n)) for n, header in enumerate(self.columns)]
        text, numbers = range(self._text), range(self._text, len(self.columns))
        names = [min(natural[n], NAME_WIDTH) for n in text]
        widths = {n: natural[n] for n in numbers}
        if _table_width([*names, *widths.values()]) > options.max_width:
            # Headers may wrap between words, but cells may not.
            widths = {
                n: max([*map(_width, self.columns[n].split()), self._content(n)]) for n in numbers
            }
        for group in _groups(widths, options.max_width - _table_width(names)):
            least = _table_width([*([1] * len(text)), *(widths[n] for n in group)])
            yield from console.render(
                self._part([*text, *group], widths),
                options.update(max_width=max(options.max_width, least)),
            )

    def _content(self, column: int) -> int:
        return max((_width(row[column]) for row in self._rows), default=0)

    def _part(self, columns: Sequence[int], widths: dict[int, int]) -> rich.table.Table:
        made = rich.table.Table(header_style="bold")
        for n in columns:
            if n in widths:
                made.add_column(self.columns[n], justify="right", width=widths[n])
            else:
                made.add_column(self.columns[n], overflow="fold")
        for number, row in enumerate(self._rows):
            made.add_row(*(row[n] for n in columns), end_section=number in self._last_of_section)
        return made


def _width(cell: Cell) -> int:
    return cell_len(printable(cell) if isinstance(cell, str) else cell.plain)


def _table_width(widths: Sequence[int]) -> int:
    return sum(widths) + SIDES * len(widths) + 1


def _groups(widths: dict[int, int], room: int) -> Iterator[list[int]]:
    """Yield the columns of each table: as many as fit, at least one."""
    group: list[int] = []
    used = 0
    for column, width in widths.items():
        if group and used + width + SIDES > room:
            yield group
            group, used = [], 0
        group.append(column)
        used += width + SIDES
    yield group
