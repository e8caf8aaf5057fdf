"""The progress bar of everything that takes long."""

from __future__ import annotations

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TimeRemainingColumn,
)
from rich.text import Text

from eie_backend.show.printable import printable


class Description(ProgressColumn):
    """What a bar is for; it may hold names of layers and files."""

    def render(self, task: Task) -> Text:
        """Return the description as it is, without markup."""
        return Text(printable(task.description))


def progress_bar(console: Console, wanted: bool = True) -> Progress:
    """Return a progress bar with remaining time; silent if not wanted or not on a terminal."""
    return Progress(
        Description(),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not (wanted and console.is_terminal),
    )
