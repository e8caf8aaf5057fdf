"""Each sentence of docs/security.md on what a model can say is held by a test that exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
ROWS = [
    row.strip("| \n").split(" | ")
    for row in PAGE.partition("| what holds | held by |")[2].partition("\n\n")[0].splitlines()[2:]
]


def functions(path):
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_the_table_is_there():
    assert len(ROWS) >= 10


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_a_sentence_is_held(row):
    sentence, tests = row
    held = re.findall(r"`([^`:]+)::([^`]+)`", tests)
    assert held, sentence
    for path, name in held:
        assert name in functions(path), f"{path} has no {name}"


def test_the_number_of_hostile_models(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tests" / "untrusted")
    from hostile_models import models

    assert f"of {len(models())} models with hostile constants" in PAGE
