"""`progress_bar`: the progress bar of all long operations."""

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
    """The description column of a bar, which may have names of layers and files."""

    def render(self, task: Task) -> Text:
        """Return the description without interpreting markup."""
        return Text(printable(task.description))


def progress_bar(console: Console, wanted: bool = True, *, mixed: bool = True) -> Progress:
    """Return a progress bar with remaining time; hidden if not wanted or not on a terminal.

    What is printed meanwhile to Python's standard streams stands above the bar if `mixed`.
    """
    return Progress(
        Description(),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not (wanted and console.is_terminal),
        redirect_stdout=mixed,
        redirect_stderr=mixed,
    )
