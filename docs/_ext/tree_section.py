"""Writes "Where things are" of ``CONTRIBUTING.md`` from the folders' docstrings.

``python docs/_ext/tree_section.py`` rewrites the section in the checkout; ``--check`` only compares
and exits with 1 if it is out of date. A folder's promise is the first line of its ``__init__``; the
C++ runtime's are the table of ``runtime/README.md``.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

from layers import ROOT, layers

PAGE = ROOT / "CONTRIBUTING.md"
COMMAND = "python docs/_ext/tree_section.py"
BEGIN = f"<!-- Generated from docstrings and runtime/README.md by `{COMMAND}`; edit them. -->\n"
END = "<!-- End of what is generated. -->\n"
ROW = re.compile(r"^\| `(\w+/)` \| (.+) \|$", re.MULTILINE)


def main() -> int:
    """Run the command line; return the exit code."""
    page = PAGE.read_text("utf-8")
    wanted = renewed(page)
    if page == wanted:
        return 0
    if "--check" in sys.argv[1:]:
        sys.stderr.write(f"{PAGE.name} is out of date; run `{COMMAND}`\n")
        return 1
    PAGE.write_text(wanted, "utf-8")
    return 0


def renewed(page: str) -> str:
    """Return the page with the section as it should be."""
    before, _, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"{PAGE.name} lacks the line {BEGIN if not rest else END!r}: put it back")
    return f"{before}{BEGIN}\n{section()}\n{END}{after}"


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


if __name__ == "__main__":
    raise SystemExit(main())
