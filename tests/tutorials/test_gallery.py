"""What the site asks of a tutorial, beside running: its title, its shape, its manners."""

import ast
import re
import runpy
import sys
from pathlib import Path

import pytest

from eie_backend.errors import ExtraError

FOLDER = Path(__file__).parents[2] / "tutorials"
TUTORIALS = sorted(FOLDER.glob("[0-9][0-9]_*.py"))
each_tutorial = pytest.mark.parametrize("script", TUTORIALS, ids=lambda script: script.stem)


def docstring(script):
    return ast.get_docstring(ast.parse(script.read_text("utf-8")))


@each_tutorial
def test_title_has_the_number_of_the_file(script):
    title, line, blank, subtitle = docstring(script).splitlines()[:4]
    assert title.startswith(f"{int(script.name[:2])}. ")
    assert line == "=" * len(title)
    assert not blank
    assert subtitle


@each_tutorial
def test_a_claim_is_checked(script):
    assert re.search(r"\bassert(_\w+)?\b", script.read_text("utf-8"))


@each_tutorial
def test_nothing_works_in_a_script_only(script):
    names = {
        node.id
        for node in ast.walk(ast.parse(script.read_text("utf-8")))
        if isinstance(node, ast.Name)
    }
    assert not names & {"__file__", "__name__"}


@pytest.mark.parametrize(
    ("script", "package"), [("03_prune_share_retrain", "torch"), ("09_bring_a_model", "jax")]
)
def test_a_missing_package_is_named_with_its_extra(script, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, "eie_backend.compress.torch", raising=False)
    with pytest.raises(ExtraError, match=rf"pip install '\.\[.*{package}.*\]'"):
        runpy.run_path(str(FOLDER / f"{script}.py"))
