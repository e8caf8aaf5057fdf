"""Sections of handwritten pages are what the code says, and name every file that finds itself."""

import pytest
from layers import ROOT
from page_sections import COMMAND, PAGE_SECTIONS


def named(section):
    return section.source


@pytest.mark.parametrize("section", PAGE_SECTIONS, ids=named)
def test_a_section_is_up_to_date(section):
    page = (ROOT / section.page).read_text("utf-8")
    assert section.renewed(page) == page, f"run `{COMMAND}`"


@pytest.mark.parametrize("section", PAGE_SECTIONS, ids=named)
def test_what_is_around_a_section_stays(section):
    page = (ROOT / section.page).read_text("utf-8")
    edited = page.replace(section.make(), "edited\n", 1)
    assert edited != page
    assert section.renewed(edited) == page


@pytest.mark.parametrize("folder", ["pruning/methods", "sharing/methods", "report/sections"])
def test_a_row_for_every_file(folder):
    (section,) = (one for one in PAGE_SECTIONS if one.source.endswith(f"/{folder}"))
    files = [path for path in (ROOT / "eie_backend" / folder).glob("*.py") if path.stem[0] != "_"]
    rows = [line for line in section.make().splitlines() if line.startswith(("- `", "| "))]
    heads = 0 if rows[0].startswith("- ") else 1
    assert len(rows) - heads == len(files) >= 3


@pytest.mark.parametrize("end", ["", "\nno end"])
def test_a_page_without_its_marks_is_refused(end):
    (first, *_) = PAGE_SECTIONS
    with pytest.raises(ValueError, match="put it back"):
        first.renewed(f"# Contributing\n{first.begin if end else ''}{end}")
