"""Output of all commands: results to stdout, progress and errors to stderr.

``docs/terminal.md`` describes the output.
"""

from __future__ import annotations

import json
import math
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from os import PathLike, fspath
from typing import Any, NoReturn

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TaskProgressColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from eie_backend.cli.table import Table
from eie_backend.errors import TOLD, NotFiniteWarning, SaturationWarning
from eie_backend.show.printable import printable
from eie_backend.show.progress_bar import Description, progress_bar
from eie_backend.work.progress import watching

BROKEN_PIPE_EXIT = 141
"""Exit code that a shell reports for a program ended by SIGPIPE: 128 + 13."""


class Terminal(Console):
    """A console that prints strings without markup and with control characters escaped."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Convert a line, a title or a cell to rich text."""
        return super().render_str(printable(text), **options)

    def on_broken_pipe(self) -> None:
        """Exit like other filters when the reader of stdout has closed it."""
        end_quietly()


out = Terminal(markup=False, highlight=False, emoji=False)
err = Terminal(markup=False, highlight=False, emoji=False, stderr=True)


@dataclass
class Asked:
    """The user's options for output, given before or after the command's name."""

    json: bool = False
    quiet: bool = False
    verbose: bool = False
    debug: bool = False

    def only(self, **wanted: bool) -> None:
        """Set the options at the start of a run, and reset all others."""
        for name, value in wanted.items():
            setattr(self, name, value)

    def also(self, **wanted: bool) -> None:
        """Set further options."""
        for name, value in wanted.items():
            setattr(self, name, value or getattr(self, name))


asked = Asked()

not_finite: list[Mapping[str, Any]] = []
"""What this run was told of inputs with NaN or infinity: a row each, once."""

saturated: list[Mapping[str, Any]] = []
"""What it was told of layers whose values did not fit: a row each, once."""

_behind: list[str] = []
"""Lines for stderr behind the result, which an error leaves out."""


@contextmanager
def telling() -> Iterator[None]:
    """Print the warnings of the package on one line each, once, and keep them for --json."""
    seen: set[str] = set()

    def tell(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if not isinstance(message, TOLD):
            others(message, category, *place, **more)
        elif str(message) not in seen:
            seen.add(str(message))
            for kept, kind in ((not_finite, NotFiniteWarning), (saturated, SaturationWarning)):
                if isinstance(message, kind):
                    kept.extend(row for row in message.counts if row not in kept)
            remark(f"eie: warning: {message}")

    not_finite.clear()
    saturated.clear()
    _behind.clear()
    with warnings.catch_warnings():
        for told in TOLD:
            warnings.simplefilter("always", told)
        others, warnings.showwarning = warnings.showwarning, tell
        yield


def show(
    result: Mapping[str, Any],
    *shown: RenderableType,
    written: Iterable[str | PathLike[str]] = (),
) -> None:
    """Print a result, and the names of its files.

    The renderables (strings or tables) are for people. With --json the mapping is printed instead,
    as one JSON object with `written`, `not_finite` and `saturated` in it; numbers that are not
    finite become null.
    """
    paths = [fspath(path) for path in written]
    if asked.json:
        told = {"not_finite": not_finite, "saturated": saturated}
        data = _plain({**result, **told, "written": paths})
        echo(json.dumps(data, indent=2, sort_keys=True, allow_nan=False) + "\n")
    else:
        for part in shown:
            out.print(part, crop=False)
    while _behind:
        remark(_behind.pop(0))
    for path in paths:
        wrote(path)


def _plain(value: Any) -> Any:
    """Convert a value to JSON-compatible data."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def echo(text: str) -> None:
    """Print lines of text to stdout, with non-printable characters escaped."""
    lines = (line if line.isprintable() else _line(line) for line in text.split("\n"))
    try:
        out.file.write("\n".join(lines))
        out.file.flush()
    except BrokenPipeError:
        end_quietly()


def _line(text: str) -> str:
    return "\t".join(map(printable, text.split("\t")))


def table(title: str, *columns: str, text: int = 1) -> Table:
    """Return an empty table with `text` text columns first and then number columns."""
    return Table(title, columns, text)


@contextmanager
def progress() -> Iterator[Progress]:
    """Show progress bars on a terminal's stderr; with --verbose, print the time of each instead."""
    with progress_bar(err, _bars(), mixed=False) as bar:
        yield bar
    for task in bar.tasks:
        _tell_time(task.description, task.finished_time or task.elapsed or 0.0)


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show that a step is running, with bars for its parts that report progress.

    With --verbose, print the time of the step and of each such part instead.
    """
    step = Progress(SpinnerColumn(), Description(), TimeElapsedColumn(), console=err)
    parts = Progress(
        Description(), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), console=err
    )
    step.add_task(what, total=None)
    tasks: dict[str, TaskID] = {}

    def told(part: str, done: int, total: int) -> None:
        if part not in tasks:
            tasks[part] = parts.add_task(part)
        parts.update(tasks[part], completed=done, total=total)

    live = Live(
        Group(step, parts),
        console=err,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    with live if err.is_terminal and _bars() else nullcontext(), watching(told):
        yield
    for task in (*parts.tasks, *step.tasks):
        _tell_time(task.description, task.finished_time or task.elapsed or 0.0)


def _bars() -> bool:
    """Tell whether bars are wanted: they would cover lines that others print with --verbose."""
    return not (asked.quiet or asked.verbose)


def _tell_time(what: str, seconds: float) -> None:
    if asked.verbose:
        remark(f"{what}: {seconds:.1f} s")


def remark(line: str) -> None:
    """Print a line on stderr, unless --quiet."""
    if not asked.quiet:
        err.print(line, soft_wrap=True)


def remark_behind(line: str) -> None:
    """Print a line on stderr behind the result, unless --quiet or an error comes first."""
    _behind.append(line)


def wrote(path: str | PathLike[str]) -> None:
    """Report that a file was written."""
    remark(f"wrote {fspath(path)}")


def fail(error: BaseException) -> None:
    """Print an error on one line."""
    message = printable(" ".join(str(error).split()))
    err.file.write(f"eie: error: {message}\n")


def end_quietly() -> NoReturn:
    """Exit after the reader of stdout has closed it, as ``head`` does after its last line."""
    # It is flushed at exit; this prevents an error there.
    os.dup2(os.open(os.devnull, os.O_WRONLY), out.file.fileno())
    raise SystemExit(BROKEN_PIPE_EXIT)


def listed(words: Sequence[str]) -> str:
    """Return ``a, b or c``."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last
