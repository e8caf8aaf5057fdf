"""The command line ``eie``: one file per command, errors on one line with exit code 2.

Commands import TVM and NumPy only when they run: help and completion answer at once.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import typer

from eie_backend._versions import check_versions
from eie_backend.cli import (
    assembly_commands,
    compare_command,
    compile_command,
    compress_command,
    container_commands,
    demo,
    doctor_command,
    evaluate_command,
    explain_command,
    faults_command,
    machines_command,
    profile_command,
    report_command,
    reproduce_command,
    run_command,
    serve_command,
    sweep_command,
    trace_command,
)
from eie_backend.cli.console import asked, err, fail, out, telling
from eie_backend.cli.memory import OUT_OF_MEMORY, require_room
from eie_backend.cli.options import begin, with_shared_options
from eie_backend.cli.streams import listening, speaking
from eie_backend.errors import EieError, ModelError, WorkerError, is_out_of_memory
from eie_backend.process import foreign
from eie_backend.process.interrupts import INTERRUPT_EXIT, LINE
from eie_backend.process.lack import lack

FAULT_EXIT = 1
USAGE_EXIT = 2

UsageError: Any = typer.BadParameter.__base__
"""What typer raises for a command line that it does not understand."""

FAULT_OF_OURS = (
    "this is a fault of eie; please report it: the lines above, the command, and what "
    "`eie doctor --plain` prints"
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Compile neural networks for a sparse accelerator and simulate it cycle by cycle.",
)


def _version(wanted: bool) -> None:
    if wanted:
        from eie_backend._versions import __version__

        typer.echo(f"eie {__version__}")
        raise typer.Exit


@app.callback()
@partial(with_shared_options, ask=asked.only)
def _start(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take the options of all commands before the command's name, too."""


def _begin(**wanted: bool) -> None:
    """Begin a command that needs TVM."""
    begin(**wanted)
    check_versions()
    require_room()


PANELS: dict[str, dict[str, Callable[..., Any]]] = {
    "Start": {
        "demo": demo.demo,
        "doctor": doctor_command.doctor,
    },
    "Compile": {
        "compile": compile_command.compile_model,
        "compress": compress_command.compress_model,
        "explain": explain_command.explain_model,
        "machines": machines_command.list_machines,
    },
    "Run and measure": {
        "run": run_command.run_model,
        "profile": profile_command.profile_model,
        "evaluate": evaluate_command.evaluate_model,
        "compare": compare_command.compare_model,
        "report": report_command.report_model,
        "trace": trace_command.trace_model,
        "sweep": sweep_command.sweep_designs,
        "faults": faults_command.inject_faults,
        "reproduce": reproduce_command.reproduce,
        "serve": serve_command.serve,
    },
    "Containers": {
        "pack": container_commands.pack,
        "unpack": container_commands.unpack,
        "inspect": container_commands.inspect,
    },
    "Programs of the machine": {
        "asm": assembly_commands.asm,
        "disasm": assembly_commands.disasm,
    },
}
"""Commands by the panel of ``eie --help`` that lists them."""

for _panel, _commands in PANELS.items():
    for _name, _command in _commands.items():
        # The doctor itself says what it finds of TVM.
        _ask = begin if _name == "doctor" else _begin
        app.command(_name, rich_help_panel=_panel)(with_shared_options(listening(_command), _ask))


def main() -> None:
    """Run the command line and raise `SystemExit` with its exit code, that of `status`."""
    raise SystemExit(status())


def status() -> int:
    """Run the command line and return the exit code.

    0 done; 1 a fault of ours (traceback), a reproduced value out of its tolerance, or a fault that
    ``eie doctor`` found; 2 a user's error (one line on stderr); 130 interrupted; 141 the reader of
    stdout has gone.
    """
    try:
        try:
            with telling(), speaking():
                code = app(prog_name="eie", standalone_mode=False)
        finally:
            out.file.flush()
    except BaseException as error:
        return _status_of(error)
    if code == INTERRUPT_EXIT:
        err.file.write(LINE)
    return code if isinstance(code, int) else 0


def _status_of(error: BaseException) -> int:
    """Return the exit code for what a command raised, which is told."""
    if isinstance(error, KeyboardInterrupt):
        err.file.write(LINE)
        return INTERRUPT_EXIT
    if isinstance(error, SystemExit):
        return int(error.code or 0)
    if isinstance(error, UsageError):
        # Nothing is said where help was shown in its place.
        if said := error.format_message().rstrip("."):
            command = error.ctx.command_path if error.ctx else "eie"
            fail(EieError(f"{said}; see: {command} --help"))
        return USAGE_EXIT
    # A file that does not fit into memory is not the file's fault.
    no_room = is_out_of_memory(error) or (
        isinstance(error, EieError)
        and error.__cause__ is not None
        and is_out_of_memory(error.__cause__)
    )
    told = ModelError(OUT_OF_MEMORY) if no_room else error
    if not isinstance(told, EieError) and (lacking := lack(error)):
        told = ModelError(f"{lacking.reason}; {lacking.remedy}")
    ours = not isinstance(told, EieError)
    if ours or isinstance(told, WorkerError):
        foreign.show()  # it may say why
    if ours or asked.debug:
        traceback.print_exception(error, file=err.file)
    fail(EieError(FAULT_OF_OURS) if ours else told)
    return FAULT_EXIT if ours else USAGE_EXIT
