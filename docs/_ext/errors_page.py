"""Writes ``docs/errors.md`` from what the package raises and what the C++ runtime throws.

``python docs/_ext/errors_page.py`` rewrites it in the checkout; ``--check`` only compares and
exits with 1 if it is out of date. A message ends in what to do: a verb in the imperative, or what
is allowed. What lacks it takes the remedy of its class (``Remedy:`` in the class's docstring).
A closed choice raises by itself: ``CHOICE.checked(value, SomeError)`` has no `raise`.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from eie_backend.machine import choices
from eie_backend.machine.choices import Choice

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "errors.md"
READERS = ("encoded_matrix", "huffman", "image", "program", "program_record", "records", "sections")
"""C++ files that read what users hand in."""
TREE = ast.parse((ROOT / "eie_backend" / "errors.py").read_text(encoding="utf-8"))
CLASSES = {
    node.name: " ".join((ast.get_docstring(node) or "").split())
    for node in TREE.body
    if isinstance(node, ast.ClassDef)
}
"""What each error class says of itself."""
VERBS = (
    "add allow begin bind calibrate call change check choose clear close compile compute copy "
    "correct create "
    "delete encode end enlarge export extend give hand increase install keep leave load lower "
    "make name pack pip "
    "print raise read reduce remove repair retrain run scale see set share start take try "
    "update use "
    "write"
).split()
"""What a remedy begins with."""
ALLOWED = ("it must", "they must", "must end", "it takes", "it needs", "its name must", "expected")
ALLOWED += ("for example", "so give", "at most", "at least", "known are", "fields are", "it has")
ALLOWED += (
    "the supported ones are",
    "main takes",
    "TVM loads",
    "`WHY",
    "samples count from",
    "counted from",
    "entries must",
    "`REMEDY",
)
"""What a statement of what is allowed begins with, which is a remedy, too."""
REMEDY = re.compile(
    rf"(?:[;:,]|\bor) (?=(?:or )?(?:{'|'.join((*VERBS, *ALLOWED))})\b)|,? (?=must be |allowed is )"
)
COMMAND = "python docs/_ext/errors_page.py"
HEAD = f"""# Errors

<!-- Generated from the code by `{COMMAND}`; do not edit. -->

Every error is an `eie_backend.EieError`. Its message says what is wrong, where, what was given,
what is allowed and what to do. On the command line it is one line on stderr; `--debug` prints the
traceback, too.
Files are written whole or not at all.
There are three warnings: `eie_backend.NotFiniteWarning`, of inputs with [NaN or
infinity](concepts.md#nan-and-infinity), `eie_backend.SaturationWarning`, of [values that do not
fit](concepts.md#saturation), and `eie_backend.ModelWarning`, of a model that importing
changed, such as [float16](onnx.md#what-is-done-before-the-import).

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | a fault of this package, with a traceback, or a reproduced value out of its tolerance |
| 2 | an error below, or a command line that is wrong |
| 130 | interrupted (Ctrl-C) |

Code in `CAPITALS` stands for what the run fills in. Several faults of one kind come in one message.
Why a layer stays on the host is in [supported operators](supported_ops.md).
"""


class Message(NamedTuple):
    """A message that users can meet: the class that carries it, its text and where it is raised."""

    kind: str
    text: str
    file: str
    line: int
    frame: str = ""
    """The message that lists this one among others."""

    @property
    def parts(self) -> tuple[str, str]:
        """What is wrong, and what to do: empty if the message does not say it."""
        mark = REMEDY.search(self.text, 1)
        return (self.text[: mark.start()], self.text[mark.end() :]) if mark else (self.text, "")

    @property
    def remedy(self) -> str:
        """What to do, from the message or from its class."""
        listed = Message(self.kind, self.frame, self.file, self.line).parts[1] if self.frame else ""
        return self.parts[1] or listed or common_remedy(self.kind)


def common_remedy(kind: str) -> str:
    """Return what the docstring of an error class says to do."""
    return CLASSES[kind].partition("Remedy: ")[2].removesuffix(".")


Constants = dict[str, str]


class _Shown(str):
    """A text that messages quote as it is."""

    __repr__ = str.__str__


def template(node: ast.expr, constants: Constants) -> str:
    """Return the text of an expression, with a ``NAME`` for each part that a run fills in."""

    def text(part: ast.expr) -> str:
        return template(part, constants)

    match node:
        case ast.Constant(value=str(value)):
            return value.replace("`", "")
        case ast.JoinedStr(values=values):
            return "".join(map(text, values))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return text(left) + text(right)
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id=name), attr="fault" | "checked"), args=[first, *_]
        ) if isinstance(choice := vars(choices).get(name), Choice):
            return choice.fault(_Shown(text(first)))
        case ast.Call(func=ast.Attribute(attr="join"), args=[first, *_]):
            return text(first)
        case ast.Call(args=[first, *_]):
            return text(first)
        case ast.GeneratorExp(elt=inner) | ast.ListComp(elt=inner):
            return text(inner)
        case ast.BoolOp(values=[inner, *_]) | ast.IfExp(body=inner):
            return text(inner)
        case (
            ast.FormattedValue(value=inner) | ast.Subscript(value=inner) | ast.Starred(value=inner)
        ):
            return text(inner)
        case ast.Call(func=inner):
            return text(inner)
        case ast.Attribute(value=inner, attr="__name__"):
            return "`TYPE`"
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return constants.get(name, f"`{name.strip('_').upper()}`")
    return "`N`"


def _module_constants(tree: ast.Module) -> Constants:
    """Return the texts that a module names and its messages use."""
    found = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(value))):
                found[name] = value
    return found


def python_messages() -> Iterator[Message]:
    """Yield the messages that the Python code raises, file by file."""
    for folder in ("eie_backend", "schedules"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            constants = _module_constants(tree)
            where = path.relative_to(ROOT).as_posix()
            for node in ast.walk(tree):
                for kind, text, line in _raised(node):
                    yield Message(kind, template(text, constants), where, line)
                for kind, text, line, frame in _collected(node):
                    listing = template(frame, constants)
                    yield Message(kind, template(text, constants), where, line, listing)


def _raised(node: ast.AST) -> Iterator[tuple[str, ast.expr, int]]:
    match node:
        case ast.Raise(exc=ast.Call(func=ast.Name(id=kind), args=[text, *_])) if kind in CLASSES:
            yield kind, text, node.lineno
        case ast.Call(
            func=ast.Attribute(value=ast.Name(), attr="checked"), args=[_, ast.Name(id=kind)]
        ) if kind in CLASSES:
            yield kind, node, node.lineno


def _collected(function: ast.AST) -> Iterator[tuple[str, ast.expr, int, ast.expr]]:
    """Yield what a function puts into its list `faults` and raises together."""
    if not isinstance(function, ast.FunctionDef):
        return
    inside = list(ast.walk(function))
    frames = [
        (kind, text)
        for node in inside
        for kind, text, _ in _raised(node)
        if any(isinstance(part, ast.Name) and part.id == "faults" for part in ast.walk(text))
    ]
    for node in inside:
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="faults"), attr="append"), args=[text]
            ):
                yield from ((kind, text, node.lineno, frame) for kind, frame in frames[:1])
            case ast.Assign(targets=[ast.Name(id="faults")], value=ast.ListComp(elt=text)):
                yield from ((kind, text, node.lineno, frame) for kind, frame in frames[:1])


def runtime_messages() -> Iterator[Message]:
    """Yield what the C++ reader of images and of coded data throws; Python adds the file's name."""
    for path in sorted((ROOT / "runtime" / "image").glob("*.cc")):
        kind = "ContainerError" if path.stem == "huffman" else "ImageError"
        text = path.read_text(encoding="utf-8")
        for found in re.finditer(r"(?:(?<!void )\bFail|throw ImageError)\(([^;]*)\);", text):
            if '"' in found[1] and path.stem in READERS:
                line = text.count("\n", 0, found.start()) + 1
                yield Message(kind, cpp_template(found[1]), path.relative_to(ROOT).as_posix(), line)


def cpp_template(expression: str) -> str:
    """Return the text of a C++ sum of literals and values."""
    parts = re.findall(r'"((?:[^"\\]|\\.)*)"|(\w+)(?=[^\w"(]*(?:\+|$))', expression)
    return "".join(literal or f"`{value.strip('_').upper()}`" for literal, value in parts)


def messages() -> list[Message]:
    """Return every message, without those that only put a place before others."""
    found = [*python_messages(), *runtime_messages()]
    frame = re.compile(r"(?:[^a-z]|.*\b(?:FAULTS|MESSAGE)`)*")
    return [message for message in found if not frame.fullmatch(message.text)]


def page() -> str:
    """Return the page in Markdown: a section per class, a row per message."""
    every = messages()
    parts = [HEAD]
    for kind in CLASSES:
        rows = {(*m.parts[:1], m.remedy, m.file) for m in every if m.kind == kind}
        if not rows:
            continue
        parts.append(
            f"\n## {kind}\n\n{_about(kind)}\n\n| message | what to do | from |\n|---|---|---|\n"
        )
        parts += [f"| {_cell(a)} | {_cell(b)} | `{c}` |\n" for a, b, c in sorted(rows)]
    return "".join(parts)


def _about(kind: str) -> str:
    return CLASSES[kind].partition(" Remedy:")[0].replace("``", "`")


def _cell(text: str) -> str:
    """Return a text that Markdown shows as it is, with its placeholders as code."""
    parts = " ".join(text.split()).split("`")
    parts[::2] = [re.sub(r"([\\|*<>_\[\]])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)


def main() -> int:
    """Write or compare the page."""
    if "--check" not in sys.argv:
        PAGE.write_text(page(), encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page():
        print(f"docs/errors.md is out of date; run `{COMMAND}`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
