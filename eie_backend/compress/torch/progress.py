"""A progress bar of all batches, with the time that remains."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars


class Progress:
    """A bar on standard error; silent if that is no terminal or the bar is not wanted."""

    def __init__(self, wanted: bool) -> None:
        console = Console(stderr=True)
        columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()]
        hidden = not (wanted and console.is_terminal)
        self._bars = Bars(
            *columns, TimeRemainingColumn(), console=console, transient=True, disable=hidden
        )
        self._task = self._bars.add_task("", total=None)

    def __enter__(self) -> Progress:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def show(self, what: str, done: int, total: int | None) -> None:
        """Show that `done` of `total` batches are done; without a total until it is known."""
        self._bars.update(self._task, description=what, completed=done, total=total)
