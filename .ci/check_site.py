"""Check the built site: every link inside it leads somewhere, and no page loads from elsewhere."""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

SITE = Path(__file__).resolve().parent.parent / "build" / "docs" / "html"


class Page(HTMLParser):
    """The anchors of a page, what it links to, and what it loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value for name, value in attrs if value}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        self.links += [found["href"]] if tag == "a" and "href" in found else []
        loading = "href" if tag == "link" and "canonical" not in found.get("rel", "") else "src"
        self.loads += [found[loading]] if loading in found else []


def main() -> int:
    """Print every fault; return 1 if there is one."""
    pages = {path: Page(path) for path in sorted(SITE.rglob("*.html"))}
    faults = [] if pages else [f"{SITE}: no site; run make docs"]
    for path, page in pages.items():
        for link in [*page.links, *page.loads]:
            url = urlsplit(link)
            if url.scheme or url.netloc:
                if link in page.loads and url.scheme != "data":
                    faults.append(f"{path.relative_to(SITE)}: loads {link}")
                continue
            target = (path.parent / unquote(url.path)).resolve() if url.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.exists():
                faults.append(f"{path.relative_to(SITE)}: {link}: no such file")
            elif target in pages and unquote(url.fragment) not in pages[target].anchors | {""}:
                faults.append(f"{path.relative_to(SITE)}: {link}: no such anchor")
    print("\n".join(sorted(set(faults))), end="\n" if faults else "")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
