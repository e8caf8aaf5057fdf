"""Writes ``docs/cli.md`` from the command line itself, before the site is built."""

from __future__ import annotations

from inspect import cleandoc
from pathlib import Path
from typing import Any

import typer

HEAD = """# Command line

<!-- Generated from the commands by docs/_ext/cli_page.py, each time that the site is built. -->

`eie COMMAND --help` prints the same.
"""


def page() -> str:
    """Return the page in Markdown: each command with its arguments, options and an example."""
    from eie_backend.cli import app

    root: Any = typer.main.get_command(app)
    shared = {name for p in root.params for name in p.opts if name != "--help"}
    parts = [HEAD, "## Options of every command\n\n" + _table(root.params, set())]
    for name, command in root.commands.items():
        parts.append(f"## eie {name}\n\n{_text(command.help)}\n\n{_usage(name, command)}")
        parts.append(_table(command.params, shared))
    return "\n".join(parts)


def _text(text: str) -> str:
    """Return a command's help with its example as a block of code."""
    about, _, example = text.partition("Example:")
    block = f"\n\n```\n{cleandoc(example)}\n```" if example else ""
    return cleandoc(about).strip() + block


def _usage(name: str, command: Any) -> str:
    operands = [p.name.upper() for p in command.params if p.param_type_name == "argument"]
    return f"Usage: `{' '.join(['eie', name, '[OPTIONS]', *operands])}`\n"


def _table(parameters: list[Any], leave_out: set[str]) -> str:
    rows = []
    for parameter in parameters:
        if parameter.name == "help" or leave_out.intersection(parameter.opts):
            continue
        is_argument = parameter.param_type_name == "argument"
        names = [parameter.name.upper()] if is_argument else parameter.opts
        default = parameter.default
        shown = "" if default is None or default is False or callable(default) else str(default)
        needed = "required" if parameter.required else shown
        about = " ".join((parameter.help or "").split())
        if parameter.metavar and "|" in parameter.metavar:
            about += f" One of {', '.join(parameter.metavar.split('|'))}."
        cells = [", ".join(f"`{name}`" for name in names), about, needed and f"`{needed}`"]
        rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    if not rows:
        return ""
    return "\n".join(["| | meaning | default |", "|---|---|---|", *rows, ""])


def write(app: Any) -> None:
    """Write the page where Sphinx looks for it."""
    Path(app.srcdir, "cli.md").write_text(page(), encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True}
