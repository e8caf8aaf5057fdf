"""The options that every command takes: what it tells, and in which form."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from typing import Annotated, Any

import typer

from eie_backend.cli.console import asked

SHARED = {
    "json": typer.Option("--json", help="Print the result as one JSON object."),
    "quiet": typer.Option("--quiet", "-q", help="Tell nothing on the way; results and errors."),
    "verbose": typer.Option("--verbose", "-v", help="Tell every step and how long it took."),
    "debug": typer.Option("--debug", help="Show tracebacks of errors."),
}
PANEL = "Options of every command"


def with_shared_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Return a command that also takes `SHARED` and sets `console.asked` by them.

    Before -> after: ``demo(density)`` -> ``demo(density, *, json, quiet, verbose, debug)``.
    """

    @wraps(command)
    def run(**arguments: Any) -> None:
        asked.ask(**{name: arguments.pop(name) for name in SHARED})
        command(**arguments)

    added = []
    for name, option in SHARED.items():
        option.rich_help_panel = PANEL
        kind = Annotated[bool, option]
        added.append(Parameter(name, Parameter.KEYWORD_ONLY, default=False, annotation=kind))
    own = signature(command, eval_str=True)
    run.__signature__ = own.replace(  # type: ignore[attr-defined]
        parameters=[*own.parameters.values(), *added]
    )
    run.__annotations__ = {p.name: p.annotation for p in [*own.parameters.values(), *added]}
    return run
