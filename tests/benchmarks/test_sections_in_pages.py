"""What pages say of measured numbers is what the committed results say."""

import json
from pathlib import Path

import pytest
from sections_concurrency import concurrency
from sections_remote import remote

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("section", [concurrency, remote], ids=lambda s: s.__name__)
def test_the_page_has_the_results(section):
    result = json.loads((ROOT / f"benchmarks/results/{section.__name__}.json").read_text("utf-8"))
    page = (ROOT / f"docs/{section.__name__}.md").read_text("utf-8")
    assert section(result) in page
    assert result["environment"]["processor"] in page
