"""What all commands print with: results to stdout, progress and errors to stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from eie_backend.progress import progress_bar

out = Console()
err = Console(stderr=True)


def table(title: str, *columns: str) -> Table:
    """Return an empty table: the first column is text, the others are numbers."""
    made = Table(title=title, title_justify="left", header_style="bold")
    made.add_column(columns[0], overflow="fold")
    for column in columns[1:]:
        made.add_column(column, justify="right")
    return made


def progress() -> Progress:
    """Return a progress bar on stderr; silent if that is not a terminal."""
    return progress_bar(err)


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show that a step of unknown length is going on."""
    if err.is_terminal:
        with err.status(what):
            yield
    else:
        yield


def fail(error: Exception) -> None:
    """Print an error on one line."""
    message = " ".join(str(error).split())
    sys.stderr.write(f"eie: error: {message}\n")
