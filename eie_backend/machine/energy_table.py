"""`EnergyTable`: every energy, power and area with its source, from a YAML file.

The shipped file, ``data/energy_45nm.yaml``, defines the rows; a user's file has the same rows with
other values and sources.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from eie_backend.errors import EnergyError
from eie_backend.files.plain_yaml import read_yaml

SHIPPED = "energy_45nm.yaml"
LOWEST, HIGHEST = 1e-12, 1e12
"""Limits of a value, so that values are positive and energies do not overflow."""

SRAM_MODULES = ("spmat_read", "ptr_read", "act_rw")
"""Modules that contain a PE's SRAM."""


class Key(NamedTuple):
    """The module and event that identify a row."""

    module: str
    event: str

    def __str__(self) -> str:
        return f"{self.module} {self.event}"


@dataclass(frozen=True)
class EnergyRow:
    """A number with its unit and source."""

    module: str
    event: str
    value: float
    unit: str
    source: str

    @property
    def key(self) -> Key:
        """The row's module and event."""
        return Key(self.module, self.event)


@dataclass(frozen=True)
class EnergyTable:
    """Rows by module and event; `name` is the file's name."""

    name: str
    rows: Mapping[Key, EnergyRow]

    def __getitem__(self, key: tuple[str, str]) -> float:
        """Return a row's value, in the row's unit."""
        return self.rows[Key(*key)].value

    def power_rows(self) -> list[EnergyRow]:
        """Return the power row of every module; its event is the counter that is charged."""
        return [row for row in self.rows.values() if row.unit == "mW" and row.module != "pe"]

    def memory_share(self, unit: str) -> float:
        """Return the fraction of the SRAM modules' power (mW) or area (um2) that is memory."""
        total = sum(
            row.value
            for row in self.rows.values()
            if row.module in SRAM_MODULES and row.unit == unit
        )
        return self["pe", "memory" if unit == "mW" else "memory_area"] / total


@cache
def shipped_table() -> EnergyTable:
    """Return the paper's 45 nm numbers."""
    return _parse(SHIPPED, (files("eie_backend") / "data" / SHIPPED).read_text("utf-8"), None)


def read_energy_table(path: str | PathLike[str]) -> EnergyTable:
    """Read a file with the rows of the shipped table.

    Raises
    ------
    EnergyError
        If the file cannot be read or is not such a table; the message lists all faults at once.
    """
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise EnergyError(f"{path}: cannot be read: {reason}; give a YAML file") from error
    return _parse(str(path), text, shipped_table())


def _parse(name: str, text: str, model: EnergyTable | None) -> EnergyTable:
    try:
        data = read_yaml(text)
    except yaml.YAMLError as error:
        mark, reason = (
            getattr(error, "problem_mark", None),
            getattr(error, "problem", None) or error,
        )
        where = f" at line {mark.line + 1}" if mark else ""
        raise EnergyError(
            f"{name}: not YAML{where}: {reason}; start from the shipped {SHIPPED}"
        ) from error
    items = data.get("rows") if isinstance(data, dict) else None
    if not isinstance(items, list):
        raise EnergyError(f"{name}: has no list `rows`; start from the shipped {SHIPPED}")
    faults = [fault for n, item in enumerate(items, start=1) for fault in _row_faults(n, item)]
    rows = [EnergyRow(**item) for item in items if _has_fields(item)]
    table = EnergyTable(name, {row.key: row for row in rows})
    if model is not None:
        faults += _table_faults(rows, model)
    faults = faults or _value_faults(table)
    if faults:
        raise EnergyError(
            f"{name}: {'; '.join(faults)}; correct these rows or start from the shipped {SHIPPED}"
        )
    return table


def _has_fields(item: Any) -> bool:
    names = {field.name for field in fields(EnergyRow)}
    return (
        isinstance(item, dict)
        and item.keys() == names
        and isinstance(item["module"], str)
        and isinstance(item["event"], str)
    )


def _row_faults(number: int, item: Any) -> list[str]:
    names = [field.name for field in fields(EnergyRow)]
    if not _has_fields(item):
        return [f"row {number} does not have exactly {', '.join(names)}"]
    label = f"row {number} ({item['module']} {item['event']})"
    faults = [
        f"{label}: {name} = {item[name]!r} is not a text"
        for name in names
        if name != "value" and not (isinstance(item[name], str) and item[name].strip())
    ]
    value = item["value"]
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not LOWEST <= value <= HIGHEST:
        faults.append(f"{label}: value = {value!r} is not a number in {LOWEST:g}..{HIGHEST:g}")
    return faults


def _table_faults(rows: list[EnergyRow], model: EnergyTable) -> list[str]:
    """Check that the rows are exactly the shipped ones, each once and in the same unit."""
    counts = Counter(row.key for row in rows)
    missing = [str(key) for key in model.rows if key not in counts]
    faults = [f"missing: {', '.join(missing)}"] if missing else []
    faults += [f"{key} is unknown" for key in counts if key not in model.rows]
    faults += [f"{key} is there {n} times" for key, n in counts.items() if n > 1]
    faults += [
        f"{row.key} is in {row.unit}, not in {model.rows[row.key].unit}"
        for row in rows
        if row.key in model.rows and row.unit != model.rows[row.key].unit
    ]
    return faults


def _value_faults(table: EnergyTable) -> list[str]:
    """Return faults of values that would make an energy negative."""
    faults = [
        f"pe {event} is more than {' + '.join(SRAM_MODULES)} together"
        for unit, event in (("mW", "memory"), ("um2", "memory_area"))
        if table.memory_share(unit) > 1
    ]
    if table["derivation", "entries_per_column"] < 1:
        faults.append("derivation entries_per_column is below 1")
    if table["derivation", "active_share"] > 1:
        faults.append("derivation active_share is above 1")
    return faults
