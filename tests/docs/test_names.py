"""What the pages call by its full name exists under that name."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from eie_backend.errors import ExtraError

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md")])
NAME = re.compile(r"\beie_backend(?:\.[a-zA-Z_]\w*)+")


def exists(name):
    parts = name.split(".")
    found = None
    for number, part in enumerate(parts, 1):
        try:
            found = import_module(".".join(parts[:number]))
        except ExtraError:
            return True  # an optional package is missing here
        except ModuleNotFoundError:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
    return True


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_full_name_exists(page):
    names = set(NAME.findall(page.read_text("utf-8")))
    missing = sorted(name for name in names if not exists(name))
    assert not missing, f"{page.name} names {', '.join(missing)}: write where it is now"


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("eie_backend.compress", True),
        ("eie_backend.compress.report.ReportedStep", True),
        ("eie_backend.compress.search", False),
        ("eie_backend.Recipe.to_json", True),
        ("eie_backend.Recipe.to_xml", False),
    ],
)
def test_the_check_sees(name, there):
    assert exists(name) is there
