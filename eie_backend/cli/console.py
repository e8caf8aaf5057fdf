"""What all commands print with: results to stdout, progress and errors to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.console import Console, RenderableType
from rich.progress import Progress
from rich.table import Table

from eie_backend.progress import progress_bar

out = Console()
err = Console(stderr=True)


@dataclass
class Asked:
    """What the user wants to be told; every command sets it."""

    json: bool = False
    quiet: bool = False
    verbose: bool = False
    debug: bool = False

    def ask(self, **wanted: bool) -> None:
        """Set what is wanted; what an option before the command asked for stays."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) or wanted[field.name])


asked = Asked()


def show(result: Mapping[str, Any], *shown: RenderableType) -> None:
    """Print a result: the renderables, or with --json the mapping as one JSON object."""
    if asked.json:
        sys.stdout.write(json.dumps(result, indent=2, sort_keys=True) + "\n")
        return
    for part in shown:
        out.print(part, highlight=False)


def table(title: str, *columns: str) -> Table:
    """Return an empty table: the first column is text, the others are numbers."""
    made = Table(title=title, title_justify="left", header_style="bold")
    made.add_column(columns[0], overflow="fold")
    for column in columns[1:]:
        made.add_column(column, justify="right")
    return made


def progress() -> Progress:
    """Return a progress bar on stderr; silent if that is not a terminal."""
    return progress_bar(err, not asked.quiet)


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show that a step of unknown length is going on; with --verbose, how long it took."""
    started = perf_counter()
    if err.is_terminal and not asked.quiet:
        with err.status(what):
            yield
    else:
        yield
    if asked.verbose:
        remark(f"{what}: {perf_counter() - started:.1f} s")


def remark(line: str) -> None:
    """Print a line on stderr, unless --quiet."""
    if not asked.quiet:
        err.print(line, highlight=False, markup=False, soft_wrap=True)


def wrote(path: Path) -> None:
    """Say that a file was written."""
    remark(f"wrote {path}")


def fail(error: Exception) -> None:
    """Print an error on one line."""
    message = " ".join(str(error).split())
    sys.stderr.write(f"eie: error: {message}\n")
