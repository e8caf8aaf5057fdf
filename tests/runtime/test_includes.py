"""Includes of the C++ runtime: by path from ``runtime/``, and one way only."""

import re
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

RUNTIME = Path(__file__).parents[2] / "runtime"
ORDER = (
    ("generated", "host"),
    ("image", "engine"),
    ("values", "event", "clock", "soft_errors"),
    ("machine",),
    ("bridge",),
)
"""Folders from the lowest up. A file includes files of its own folder and of lower rows: folders in
a row know nothing of one another, as engines that are one another's oracle must not."""

ROW = {folder: number for number, row in enumerate(ORDER) for folder in row}
INCLUDE = re.compile(r'\s*#\s*include\s*"([^"]+)"')


def includes():
    """Yield file, line and included file, as paths from ``runtime/``."""
    for path in sorted([*RUNTIME.rglob("*.h"), *RUNTIME.rglob("*.cc")]):
        file = path.relative_to(RUNTIME)
        if file.parts[0] == "tests":
            continue
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if found := INCLUDE.match(line):
                yield file.as_posix(), number, found[1]


def folder(file):
    return file.partition("/")[0]


def row(file):
    return ROW.get(folder(file), len(ORDER))


def test_every_folder_has_its_place():
    assert {path.parent.name for path in RUNTIME.glob("*/*.h")} - {"tests"} == ROW.keys()


def test_a_file_is_included_by_its_path_from_runtime():
    faults = [
        f'runtime/{file}:{line} includes "{other}", and there is no runtime/{other}'
        for file, line, other in includes()
        if not (RUNTIME / other).is_file()
    ]
    assert not faults, "\n".join(faults)


def test_folders_include_lower_ones_only():
    faults = [
        f'runtime/{file}:{line} includes "{other}", but {folder(other)}/ is not below '
        f"{folder(file)}/ in ORDER"
        for file, line, other in includes()
        if folder(other) != folder(file) and not row(other) < row(file)
    ]
    assert not faults, "\n".join(faults)


def test_files_include_one_another_in_no_circle():
    """A header and its source count as one."""
    graph, lines = {}, {}
    for file, line, other in includes():
        one, two = (path.rpartition(".")[0] for path in (file, other))
        if one != two:
            graph.setdefault(one, set()).add(two)
            lines[one, two] = f'runtime/{file}:{line} includes "{other}"'
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = error.args[1][::-1]  # each is included by the one before
        raise AssertionError("\n".join(lines[pair] for pair in pairwise(circle))) from None
