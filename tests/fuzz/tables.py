"""Energy tables: YAML that `read_energy_table` reads."""

from __future__ import annotations

from importlib.resources import files
from random import Random

from driver import Kind
from edits import edit_file
from files import with_file
from recipes import YAML_WORDS

from eie_backend.machine.energy_table import SHIPPED, EnergyTable, read_energy_table


def seeds() -> list[bytes]:
    """Return the shipped table and, since it takes long to read, many pieces of it."""
    whole = (files("eie_backend") / "data" / SHIPPED).read_text("utf-8")
    rows = [line for line in whole.splitlines() if line.startswith("  -")]
    pieces = ["\n".join(["rows:", *rows[n : n + 3]]) for n in range(len(rows))]
    return [text.encode() for text in (whole, *pieces)]


def edit(random: Random, data: bytes) -> bytes:
    """Edit YAML."""
    return edit_file(random, data, (*YAML_WORDS, "rows", "module", "value", "mW", "entries"))


def read(data: bytes) -> EnergyTable:
    """Read a table."""
    return with_file(read_energy_table, data, "table.yaml")


KIND = Kind("tables", seeds, edit, read, multiple=1000)
