"""No function makes a class: tvm_ffi keeps every class of which it was given an object."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted([*ROOT.glob("eie_backend/**/*.py"), *ROOT.glob("schedules/**/*.py")])


def classes_in_functions(tree):
    """Return the names of classes that are defined anew by each call of a function."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    found = [node for function in functions for node in ast.walk(function)]
    return [node.name for node in found if isinstance(node, ast.ClassDef)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_classes_belong_to_modules(path):
    assert classes_in_functions(ast.parse(path.read_text("utf-8"))) == []


def test_the_check_sees():
    assert classes_in_functions(ast.parse("def f():\n  class A: pass")) == ["A"]
