"""Definitions of options: those of every command, and those with a fixed choice of values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from inspect import Parameter, signature
from platform import python_version
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eie_backend._versions import installed
from eie_backend.cli.console import asked, remark
from eie_backend.machine.choices import ENGINE, LOCAL_SCHEDULER, Choice

if TYPE_CHECKING:
    from eie_backend.config import HardwareConfig

PANEL = "Options of every command"
SHARED = {
    "json": ("--json", "Print the result as one JSON object, and nothing else, on stdout."),
    "quiet": ("--quiet -q", "Nothing on stderr but errors."),
    "verbose": (
        "--verbose -v",
        "Tell versions, how long every step took, and what TVM and others print.",
    ),
    "debug": ("--debug", "Show tracebacks of errors."),
}
"""Names and help of the options of every command."""

VERSIONS = {
    "eie": "eie-backend",
    "TVM": "apache-tvm",
    "tvm-ffi": "apache-tvm-ffi",
    "NumPy": "numpy",
    "xDSL": "xdsl",
}
"""Names that --verbose prints, by package."""


def choice(
    values: Sequence[str] | Choice[Any], help: str, *names: str, metavar: str | None = None
) -> Any:
    """Return an option with values that the help lists (as `metavar`) and the shell completes.

    The user of the value checks it, with a message that explains its purpose.
    """
    listed = values.default_first if isinstance(values, Choice) else values

    def complete(incomplete: str) -> list[str]:
        return [value for value in listed if value.startswith(incomplete)]

    shown = metavar or "|".join(listed)
    return typer.Option(*names, help=help, metavar=shown, autocompletion=complete)


ENGINE_OPTION = choice(
    ENGINE,
    "How to simulate; the results are the same. functional counts no cycles, clock steps every "
    "unit and is slow.",
)
"""Option of the commands that simulate."""

MACHINE = typer.Option(
    help="Machine: a name that `eie machines` lists, or a YAML file with its sizes.",
    metavar="NAME|FILE",
)
NUM_PE = typer.Option(help="Processing elements; 64 without --machine.")
CODEBOOK_BITS = typer.Option(help="Bits of a codebook index, 2 to 7; 4 without --machine.")
"""Options of the commands that take a machine."""


def machine_of(machine: str | None, **sizes: int | None) -> HardwareConfig:
    """Return the machine of the options: the given sizes instead of those of `machine`."""
    from eie_backend.config import HardwareConfig
    from eie_backend.machine.described import read_machine

    base = HardwareConfig() if machine is None else read_machine(machine)
    given = {name: value for name, value in sizes.items() if value is not None}
    return HardwareConfig.of({**base.to_dict(), **given})


SCHEDULER = choice(
    LOCAL_SCHEDULER,
    "Who works: processes or threads of this machine, or the Dask cluster of the scheduler at "
    "tcp://HOST:PORT (extra `cluster`).",
    metavar="|".join(LOCAL_SCHEDULER.values) + "|tcp://HOST:PORT",
)
WORKERS = typer.Option(help="Local workers; one per core by default.")
"""Options of the commands that share their work out."""

STRICT_INPUTS = typer.Option(
    "--strict-inputs", help="Refuse NaN and infinity in the inputs; otherwise they are told."
)
"""Option of the commands that read inputs."""

REFERENCE = typer.Option(
    metavar="MODEL",
    help="The float network that the library was compiled from, if it is not where it was.",
)
FLOAT = typer.Option(
    "--float/--no-float", help="Run the float network beside the machine, and compare."
)
"""Options of the commands that show what the float network answers."""

REMOTE = typer.Option(metavar="HOST:PORT", help="Run on the server there, started by `eie serve`.")
"""Option of the commands that can run elsewhere."""


def begin(**wanted: bool) -> None:
    """Begin a command with these options and those before the command's name."""
    asked.also(**wanted)
    if asked.verbose:
        found = {name: installed(package) for name, package in VERSIONS.items()}
        remark(f"Python {python_version()}, " + ", ".join(f"{n} {v}" for n, v in found.items()))


def with_shared_options(
    command: Callable[..., Any], ask: Callable[..., None]
) -> Callable[..., Any]:
    """Return a command that also takes the `SHARED` options and passes them to `ask`.

    Before -> after: ``demo(density)`` -> ``demo(density, *, json, quiet, verbose, debug)``.
    """

    @wraps(command)
    def run(**arguments: Any) -> None:
        ask(**{name: arguments.pop(name) for name in SHARED})
        command(**arguments)

    own = list(signature(command, eval_str=True).parameters.values())
    shared = [_shared(name, *about) for name, about in SHARED.items()]
    # Typer reads a command's parameters from these two attributes.
    run.__signature__ = signature(command).replace(  # type: ignore[attr-defined]
        parameters=[*own, *shared]
    )
    run.__annotations__ = {one.name: one.annotation for one in [*own, *shared]}
    return run


def _shared(name: str, flags: str, help: str) -> Parameter:
    option = typer.Option(*flags.split(), help=help, rich_help_panel=PANEL)
    kind = Annotated[bool, option]
    return Parameter(name, Parameter.KEYWORD_ONLY, default=False, annotation=kind)
