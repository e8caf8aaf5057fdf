"""Who imports whom in a package, read from its text, and what is wrong with it.

Imports inside functions and under ``TYPE_CHECKING`` count like all others. So do names that are
handed to `import_module`; where one is computed, every module counts whose name it may become. What
`discover` imports counts where it is called.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from importlib.util import resolve_name
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple


class Import(NamedTuple):
    """A line of a module that imports a module."""

    path: str
    line: int
    importer: str
    imported: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} imports {self.imported}"


def modules(root: Path, folders: Mapping[str, str]) -> dict[str, Path]:
    """Return the files of a package by module, from where its parts lie below `root`."""
    found = {}
    for name, folder in folders.items():
        for path in sorted((root / folder).rglob("*.py")):
            parts = path.relative_to(root / folder).with_suffix("").parts
            found[".".join([name, *parts]).removesuffix(".__init__")] = path
    return found


def imports(root: Path, known: Mapping[str, Path]) -> list[Import]:
    """Return every import of a known module by another."""
    found = {
        Import(path.relative_to(root).as_posix(), line, importer, imported)
        for importer, path in known.items()
        for line, imported in _imported(importer, path, known)
        if imported != importer
    }
    return sorted(found)


def _imported(importer: str, path: Path, known: Mapping[str, Path]) -> Iterator[tuple[int, str]]:
    package = importer if path.name == "__init__.py" else importer.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Import(names=names):
                named = [alias.name for alias in names]
            case ast.ImportFrom(module=module, names=names, level=level):
                source = resolve_name("." * level + (module or ""), package)
                named = [_part(source, alias.name, known) for alias in names]
            case ast.Call(func=ast.Name(id="discover"), args=[ast.Name(id="__name__"), *_]):
                named = _called(re.escape(package) + r"\.\w+", known)
            case ast.Call(
                func=ast.Name(id="import_module") | ast.Attribute(attr="import_module"),
                args=[name, *_],
            ) if not importer.endswith(".discover"):
                named = _called(_pattern(name, importer), known)
            case _:
                continue
        yield from ((node.lineno, name) for name in named if name in known)


def _part(source: str, name: str, known: Mapping[str, Path]) -> str:
    """Return what ``from source import name`` imports: the module of that name, or its source."""
    return f"{source}.{name}" if f"{source}.{name}" in known else source


def _called(pattern: str, known: Mapping[str, Path]) -> list[str]:
    return [name for name in known if re.fullmatch(pattern, name)]


def _pattern(name: ast.expr, importer: str) -> str:
    """Return a pattern of the names that an expression may become."""
    match name:
        case ast.Constant(value=str(text)):
            return re.escape(text)
        case ast.Name(id="__name__") | ast.FormattedValue(value=ast.Name(id="__name__")):
            return re.escape(importer)
        case ast.JoinedStr(values=parts):
            return "".join(_pattern(part, importer) for part in parts)
    return ".+"


def folder(module: str) -> str:
    """Return the folder of a module, or the file at the root; empty for the root itself."""
    return module.split(".")[1] if "." in module else ""


def of_root(found: Iterable[Import]) -> list[str]:
    """Return a fault for every import of the root package."""
    return [f"{each}: name the module of it that is meant" for each in found if not _inner(each)]


def _inner(each: Import) -> bool:
    return "." in each.imported


def upward(found: Iterable[Import], layers: Sequence[Sequence[str]]) -> list[str]:
    """Return a fault for every import of a folder that is not below; the root may import all."""
    row = {name: number for number, names in enumerate(layers) for name in names}
    return [
        f"{each}, but {folder(each.imported)} is not below {folder(each.importer)} in the layers "
        "of pyproject.toml: move what both need down, or the caller up"
        for each in found
        if "." in each.importer and _inner(each)
        if folder(each.importer) != folder(each.imported)
        and not row[folder(each.importer)] < row[folder(each.imported)]
    ]


def file_circle(found: Iterable[Import]) -> list[str]:
    """Return the imports of a circle of files, if there is one."""
    return _circle({(each.importer, each.imported): str(each) for each in found})


def folder_circle(found: Iterable[Import]) -> list[str]:
    """Return the imports of a circle of folders and files at the root, if there is one."""
    pairs = {
        (folder(each.importer), folder(each.imported)): str(each)
        for each in found
        if "." in each.importer and _inner(each)
    }
    return _circle({pair: line for pair, line in pairs.items() if pair[0] != pair[1]})


def _circle(lines: Mapping[tuple[str, str], str]) -> list[str]:
    graph: dict[str, set[str]] = {}
    for one, other in lines:
        graph.setdefault(one, set()).add(other)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = error.args[1][::-1]  # each is imported by the one before
        return [lines[pair] for pair in pairwise(circle)]
    return []
