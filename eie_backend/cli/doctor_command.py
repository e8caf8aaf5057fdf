"""``eie doctor``: check this installation, and print the text for a bug report."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from eie_backend.cli.console import asked, echo, show, table, working

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eie_backend.cli.table import Table
    from eie_backend.doctor import Check

EXAMPLE = """Example:

    eie doctor --plain > doctor.txt
"""

FAULT_EXIT = 1
STYLES = {"ok": "green", "optional": "dim", "warning": "yellow", "fault": "bold red"}


def doctor(
    plain: Annotated[
        bool, typer.Option("--plain", help="Print a code block to paste into a bug report.")
    ] = False,
) -> None:
    """Check this installation, and compile and run a tiny network.

    Names of the user, the home folder and the host are left out. Exit code 1 if there is a fault.
    """
    from eie_backend.doctor import diagnose
    from eie_backend.doctor.check import as_text

    with working("checking"):
        checks = list(diagnose())
    faults = [check for check in checks if check.status == "fault"]
    warnings = [check for check in checks if check.status == "warning"]
    if plain and not asked.json:
        echo(as_text(checks))
    else:
        rows = [asdict(check) for check in checks]
        show({"checks": rows, "healthy": not faults}, _table(checks), *_verdict(faults, warnings))
    if faults:
        raise typer.Exit(FAULT_EXIT)


doctor.__doc__ = f"{doctor.__doc__}\n\n{EXAMPLE}"


def _table(checks: Sequence[Check]) -> Table:
    made = table("This installation", "check", "result", "found", text=3)
    for check in checks:
        made.add_row(check.name, Text(check.status, STYLES[check.status]), check.found)
    return made


def _verdict(faults: Sequence[Check], warnings: Sequence[Check]) -> list[str]:
    """Return a line for each remedy, and a summary line."""
    remedies = [f"- {check.name}: {check.remedy}" for check in (*faults, *warnings)]
    if not remedies:
        return ["All is well."]
    counted = f"{len(faults)} {'fault' if len(faults) == 1 else 'faults'}"
    if warnings:
        counted += f", {len(warnings)} {'warning' if len(warnings) == 1 else 'warnings'}"
    return [f"{counted}:", *remedies]
