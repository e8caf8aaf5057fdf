"""``eie machines``: the machines that have names."""

from __future__ import annotations

from eie_backend.cli.console import show, table

EXAMPLE = """Example:

    eie machines --json > machines.json
"""


def list_machines() -> None:
    """List the machines that --machine takes by name, with their sizes."""
    from eie_backend.machine.described import PRESETS

    made = table("Machines", "field", *PRESETS, text=1)
    sizes = {name: preset.config.to_dict() for name, preset in PRESETS.items()}
    for field in next(iter(sizes.values())):
        made.add_row(field, *(f"{of[field]:,}" for of in sizes.values()))
    told = {name: {"about": PRESETS[name].about, **of} for name, of in sizes.items()}
    lines = [f"{name}: {preset.about}." for name, preset in PRESETS.items()]
    lines.append("A file with some of these fields, --machine FILE.yaml, is one, too.")
    show({"machines": told}, made, *lines)


list_machines.__doc__ = f"{list_machines.__doc__}\n\n{EXAMPLE}"
