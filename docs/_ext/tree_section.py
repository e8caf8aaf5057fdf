"""The table "Where things are" of ``CONTRIBUTING.md``, from the folders' docstrings.

A folder's promise is the first line of its ``__init__``; the C++ runtime's are the table of
``runtime/README.md``.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

from layers import ROOT, layers

ROW = re.compile(r"^\| `(\w+/)` \| (.+) \|$", re.MULTILINE)


def section() -> str:
    """Return the package's rows from top to bottom, then the runtime's."""
    rows = [(name, promise(path)) for name, path in places()]
    runtime = ROW.findall((ROOT / "runtime" / "README.md").read_text("utf-8"))
    rows += [(f"runtime/{folder}", says) for folder, says in runtime]
    return "| where | what |\n|---|---|\n" + "".join(f"| `{n}` | {says} |\n" for n, says in rows)


def places() -> list[tuple[str, Path]]:
    """Return the folders and root files of the package in the order of the layers."""
    found = []
    for name in (name for row in layers() for name in row):
        for path in (f"eie_backend/{name}", name):
            if (ROOT / path / "__init__.py").is_file():
                found.append((f"{path}/", ROOT / path / "__init__.py"))
        if (ROOT / f"eie_backend/{name}.py").is_file():
            found.append((f"eie_backend/{name}.py", ROOT / f"eie_backend/{name}.py"))
    return found


def promise(path: Path) -> str:
    """Return the first line of a module's docstring as Markdown."""
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    return docstring.partition("\n")[0].replace("``", "`").removesuffix(".")
