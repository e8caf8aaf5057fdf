"""The command line ``eie``: one file per command, errors on one line with exit code 2."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

import typer

from eie_backend.cli import (
    assembly_commands,
    compile_command,
    compress_command,
    container_commands,
    demo,
    explain_command,
    profile_command,
    report_command,
    reproduce_command,
    run_command,
    trace_command,
)
from eie_backend.cli.console import asked, fail
from eie_backend.cli.options import with_shared_options
from eie_backend.errors import EieError, ModelError, is_out_of_memory

USAGE_EXIT = 2
INTERRUPT_EXIT = 130

OUT_OF_MEMORY = (
    "out of memory; nothing was written: free some, raise the limit (ulimit -v), or compile where "
    "there is more: three times the model's float32 weights are enough"
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Compile neural networks for a sparse accelerator and simulate it cycle by cycle.",
)


@app.callback()
@with_shared_options
def _options() -> None:
    """Take the options of all commands before the command's name, too."""


COMMANDS: dict[str, Callable[..., Any]] = {
    "demo": demo.demo,
    "compile": compile_command.compile_model,
    "compress": compress_command.compress_model,
    "explain": explain_command.explain_model,
    "run": run_command.run_model,
    "profile": profile_command.profile_model,
    "report": report_command.report_model,
    "reproduce": reproduce_command.reproduce,
    "trace": trace_command.trace_model,
    "pack": container_commands.pack,
    "unpack": container_commands.unpack,
    "inspect": container_commands.inspect,
    "asm": assembly_commands.asm,
    "disasm": assembly_commands.disasm,
}
for _name, _command in COMMANDS.items():
    app.command(_name)(with_shared_options(_command))


def main() -> None:
    """Run the command line.

    Exit codes: 0 done, 2 a user's error (one line on stderr), 1 a fault of ours (traceback) or a
    reproduced value out of its tolerance, 130 interrupted.
    """
    try:
        app(prog_name="eie")
    except EieError as error:
        if asked.debug:
            traceback.print_exc()
        fail(error)
        raise SystemExit(USAGE_EXIT) from None
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPT_EXIT) from None
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        if asked.debug:
            traceback.print_exc()
        fail(ModelError(OUT_OF_MEMORY))
        raise SystemExit(USAGE_EXIT) from None
