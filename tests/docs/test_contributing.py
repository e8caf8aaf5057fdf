"""CONTRIBUTING says where things are, and names no file that is gone."""

import re
from pathlib import Path

import pytest
import tree_section

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
CODE = re.compile(r"`([^`\n]+)`")
FILE = re.compile(r"[\w./-]+/[\w./-]*|\w+\.(md|toml|py|h|cc)|Makefile")
MADE_LATER = re.compile(r"build/|tutorials/NN_name\.py|\.venv/")


def missing(text):
    """Return the paths in the code of a text that do not lead from the top of the checkout."""
    paths = {code for code in CODE.findall(text) if FILE.fullmatch(code)}
    # Examples of links are written as in a page of docs/.
    return sorted(
        path
        for path in paths
        if not MADE_LATER.match(path) and not (ROOT / path.removeprefix("../")).exists()
    )


def test_every_path_exists():
    assert missing(PAGE) == []


def test_every_folder_of_the_package_is_there():
    folders = {f"eie_backend/{p.parent.name}/" for p in ROOT.glob("eie_backend/*/__init__.py")}
    folders |= {f"runtime/{p.parent.name}/" for p in ROOT.glob("runtime/*/*.h")}
    assert {*folders, "schedules/"} <= {*CODE.findall(tree_section.section())}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("`eie_backend/config.py` and `runtime/clock/`", []),
        ("`eie_backend/transform/pipeline.py`", ["eie_backend/transform/pipeline.py"]),
        ("`runtime/include/`, or `pe.h`", ["pe.h", "runtime/include/"]),
        ("`build/fuzz/tests/TARGET FILE`, `_bits`, `make check`", []),
    ],
)
def test_the_check_sees(text, found):
    assert missing(text) == found
