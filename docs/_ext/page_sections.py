"""Writes the sections of handwritten pages that follow from the code.

``python docs/_ext/page_sections.py`` rewrites them in the checkout; ``--check`` only compares and
exits with 1 if one is out of date. A section stands between two comments in its page.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import tree_section
from layers import ROOT

from eie_backend.pruning import methods as pruning
from eie_backend.report.sections import SECTIONS as REPORT_SECTIONS
from eie_backend.sharing import methods as sharing

COMMAND = "python docs/_ext/page_sections.py"
END = "<!-- End of what is generated. -->\n"


@dataclass(frozen=True)
class PageSection:
    """A section: its page, what it follows from, and the function that makes its Markdown."""

    page: str
    source: str
    make: Callable[[], str]

    @property
    def begin(self) -> str:
        """The comment before it."""
        return f"<!-- Generated from {self.source} by `{COMMAND}`; edit them. -->\n"

    def renewed(self, page: str) -> str:
        """Return the page with the section as it should be."""
        before, _, rest = page.partition(self.begin)
        _, end, after = rest.partition(END)
        if not end:
            missing = END if rest else self.begin
            raise ValueError(f"{self.page} lacks the line {missing!r}: put it back")
        return f"{before}{self.begin}\n{self.make()}\n{END}{after}"


def pruning_methods() -> str:
    """Return the list of pruning methods."""
    found = (pruning.METHODS[name] for name in pruning.PRUNING_METHOD.values)
    return "".join(f"- `{method.name}`: {method.about}\n" for method in found)


def sharing_methods() -> str:
    """Return the table of sharing methods."""
    rows = "".join(
        f"| `{name}` | {about} |\n" for name, about in sharing.INITIALIZATION.meanings.items()
    )
    return f"| `initialization` | shared values |\n|---|---|\n{rows}"


def report_sections() -> str:
    """Return the table of the report's sections."""
    rows = "".join(f"| {one.title} | {one.shows} | {one.source} |\n" for one in REPORT_SECTIONS)
    head = "| section | what it shows | where the numbers come from |"
    return f"{head}\n|---|---|---|\n{rows}"


PAGE_SECTIONS = (
    PageSection("CONTRIBUTING.md", "docstrings and runtime/README.md", tree_section.section),
    PageSection("docs/compression.md", "the files of eie_backend/pruning/methods", pruning_methods),
    PageSection("docs/compression.md", "the files of eie_backend/sharing/methods", sharing_methods),
    PageSection("docs/report.md", "the files of eie_backend/report/sections", report_sections),
)


def main() -> int:
    """Run the command line; return the exit code."""
    stale = []
    for section in PAGE_SECTIONS:
        path = ROOT / section.page
        page = path.read_text("utf-8")
        wanted = section.renewed(page)
        if page == wanted:
            continue
        stale.append(section.page)
        if "--check" not in sys.argv[1:]:
            path.write_text(wanted, "utf-8")
    if stale and "--check" in sys.argv[1:]:
        sys.stderr.write(f"out of date: {', '.join(stale)}; run `{COMMAND}`\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
