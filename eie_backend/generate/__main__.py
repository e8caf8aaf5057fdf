"""Write the files that follow from the definitions: C++ headers and reference pages.

``python -m eie_backend.generate`` rewrites them in the checkout that contains the current
folder; ``--check`` only compares and exits with 1 if one is out of date.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from eie_backend.generate import headers, pages
from eie_backend.generate.choices_header import choices_header
from eie_backend.generate.cpp import COMMAND
from eie_backend.generate.epilogues_header import epilogues_header, visit_header
from eie_backend.generate.timing_header import timing_header

HEADERS = "runtime/generated"

GENERATED = {
    f"{HEADERS}/isa.h": headers.isa_header,
    f"{HEADERS}/hardware_config.h": headers.config_header,
    f"{HEADERS}/counters.h": headers.counters_header,
    f"{HEADERS}/cycle_categories.h": headers.cycle_categories_header,
    f"{HEADERS}/choices.h": choices_header,
    f"{HEADERS}/timing.h": timing_header,
    f"{HEADERS}/epilogues.h": epilogues_header,
    "runtime/values/epilogues/visit.h": visit_header,
    "docs/isa.md": pages.isa_page,
    "docs/counters.md": pages.counters_page,
    "docs/cycles.md": pages.cycles_page,
    "docs/supported_ops.md": pages.supported_ops_page,
}
"""Generated files by path from the top of the checkout."""


def main() -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    check = parser.parse_args().check
    stale = []
    for path, make in GENERATED.items():
        target = Path.cwd() / path
        if target.exists() and target.read_text("utf-8") == make():
            continue
        stale.append(path)
        if not check:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(make(), "utf-8")
    if check and stale:
        sys.stderr.write(f"out of date: {', '.join(stale)}; run `{COMMAND}`\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
