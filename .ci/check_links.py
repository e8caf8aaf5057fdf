"""Check that the relative links of the Markdown files lead to files and headings that exist."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "runtime/README.md", "docs/**/*.md")
FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
INLINE_CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"\]\(<?([^)\s>]+)|^\[[^\]]+\]:\s+<?([^\s>]+)", re.MULTILINE)
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Return the anchors that a Markdown viewer makes from the page's headings."""
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    found = set(re.findall(r'<a (?:id|name)="([^"]+)"', text))
    for heading in HEADING.findall(text):
        title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = base = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        repeat = 0
        while slug in found:
            repeat += 1
            slug = f"{base}-{repeat}"
        found.add(slug)
    return found


def fault(page: Path, link: str) -> str | None:
    """Say what is wrong with one link of a page, if anything."""
    if re.match(r"[a-z][a-z0-9+.-]*:", link):
        return None
    path, _, anchor = link.partition("#")
    target = page.parent / path if path else page
    if not target.exists():
        return "no such file"
    if anchor and target.suffix == ".md" and anchor not in anchors(target):
        return "no such heading"
    return None


def main() -> int:
    """Print every broken link; return 1 if there is one."""
    broken = 0
    for page in sorted(path for pattern in PAGES for path in ROOT.glob(pattern)):
        text = INLINE_CODE.sub("", FENCED.sub("", page.read_text(encoding="utf-8")))
        for link in (inline or reference for inline, reference in LINK.findall(text)):
            if reason := fault(page, link):
                print(f"{page.relative_to(ROOT)}: {link}: {reason}")
                broken += 1
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main())
