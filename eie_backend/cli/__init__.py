"""The command line ``eie``: one file per command, errors on one line with exit code 2."""

from __future__ import annotations

import sys
import traceback

import typer

from eie_backend.cli import (
    assembly_commands,
    compile_command,
    compress_command,
    container_commands,
    demo,
    explain_command,
    profile_command,
    reproduce_command,
    run_command,
    trace_command,
)
from eie_backend.cli.console import fail
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
def _options(
    debug: bool = typer.Option(False, "--debug", help="Show tracebacks of errors."),
) -> None:
    """Take the options of all commands; ``main`` has read them already."""


app.command("demo")(demo.demo)
app.command("compile")(compile_command.compile_model)
app.command("compress")(compress_command.compress_model)
app.command("explain")(explain_command.explain_model)
app.command("run")(run_command.run_model)
app.command("profile")(profile_command.profile_model)
app.command("reproduce")(reproduce_command.reproduce)
app.command("trace")(trace_command.trace_model)
app.command("pack")(container_commands.pack)
app.command("unpack")(container_commands.unpack)
app.command("inspect")(container_commands.inspect)
app.command("asm")(assembly_commands.asm)
app.command("disasm")(assembly_commands.disasm)


def main() -> None:
    """Run the command line.

    Exit codes: 0 done, 2 a user's error (one line on stderr), 1 a fault of ours (traceback) or a
    reproduced value out of its tolerance, 130 interrupted.
    """
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    debug = len(arguments) < len(sys.argv) - 1
    try:
        app(arguments, prog_name="eie")
    except EieError as error:
        if debug:
            traceback.print_exc()
        fail(error)
        raise SystemExit(USAGE_EXIT) from None
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPT_EXIT) from None
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        if debug:
            traceback.print_exc()
        fail(ModelError(OUT_OF_MEMORY))
        raise SystemExit(USAGE_EXIT) from None
