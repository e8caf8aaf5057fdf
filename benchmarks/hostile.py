"""Models with hostile constants and hostile indices: no signal, no value from elsewhere.

``python benchmarks/hostile.py`` puts each model of ``tests/untrusted/hostile_models.py`` through
each command that opens models, in processes that a signal may end, then draws `DRAWS` index inputs
for the operators of ``tests/untrusted/test_computed.py`` and compares with NumPy. It takes ten
minutes and writes ``benchmarks/results/hostile.json``.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "untrusted"))
from commands import LINES
from hostile_models import models
from record import record
from runs import Row, command_fault, rows, written
from test_computed import CASES, COLUMNS, draws, library

import eie_backend as eie
from eie_backend.errors import InputError

DRAWS = 10_000
SEED = 21


def commands() -> dict[str, Counter[str]]:
    """Return what came of all models, by command."""
    found = {}
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        paths = [*written(models(), Path(folder)).values()]
        for command in LINES:
            tasks = [f"{path}/{command}" for path in paths]
            parts = [tasks[part :: os.cpu_count()] for part in range(os.cpu_count() or 1)]
            counted = Counter(models=len(tasks), accepted=0, refused=0, signals=0, faults=0)
            for outcomes in pool.map(partial(rows, "commands.py"), parts):
                for task, row in outcomes.items():
                    counted[_kind(row)] += 1
                    if command_fault(row):
                        print(task, row, file=sys.stderr)
            found[command] = counted
    return found


def _kind(row: Row) -> str:
    if "signal" in row:
        return "signals"
    if command_fault(row):
        return "faults"
    return "refused" if row["code"] else "accepted"


def indices() -> dict[str, Counter[str]]:
    """Return what came of drawn indices, by operator."""
    found = {}
    rng = np.random.default_rng(SEED)
    for operator, (proto, shape, bound, reference) in CASES.items():
        counted = Counter(draws=-(-DRAWS // len(CASES)), right=0, refused=0, wrong=0)
        with tempfile.TemporaryDirectory() as folder:
            path = library(proto, Path(folder))
            for index in draws(rng, shape, COLUMNS if bound is None else bound, counted["draws"]):
                inside = bound is None or bool(((index >= -bound) & (index < bound)).all())
                try:
                    values = eie.run(path, index)[0]
                except InputError:
                    counted["wrong" if inside else "refused"] += 1
                    continue
                expected = reference(index) if inside else None
                same = inside and np.array_equal(values.reshape(expected.shape), expected)
                counted["right" if same else "wrong"] += 1
        found[operator] = counted
    return found


def main() -> None:
    """Try all, print and write."""
    found = {"commands": commands(), "indices": indices()}
    record("hostile", found, {})
    kinds = [row for part in found.values() for row in part.values()]
    if sum(row["signals"] + row["faults"] + row["wrong"] for row in kinds):
        sys.exit("something was harmed, or wrong")


if __name__ == "__main__":
    main()
