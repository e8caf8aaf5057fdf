"""The page of results follows from the committed results, which all have one form."""

import json
from pathlib import Path

import page
import pytest
from pictures import pictures

TRAINED = sorted(page.TRAINED.glob("lenet_*.json"))
"""Results without times; ``tests/end_to_end/test_compressed_lenets.py`` has their form."""

RESULTS = [*sorted(page.RESULTS.glob("*.json")), *TRAINED]


def timings_in(value):
    if isinstance(value, dict) and "median" in value:
        yield value
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from timings_in(item)


def test_the_pages_are_up_to_date():
    for path, text in page.pages().items():
        assert path.read_text("utf-8") == text, f"run `{page.COMMAND}`"


def test_an_old_page_is_named(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(page, "ROOT", tmp_path)
    monkeypatch.setattr(page, "pages", lambda: {tmp_path / "performance.md": "new"})
    monkeypatch.setattr("sys.argv", ["page.py", "--check"])
    assert page.main() == 1
    message = f"out of date: performance.md; run `{page.COMMAND}`\n"
    assert capsys.readouterr().err == message


def test_every_result_has_a_section():
    assert {path.stem for path in RESULTS} == {*page.PERFORMANCE, *page.ROBUSTNESS, *page.REAL}


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_a_result_says_where_it_was_measured_and_how_much_times_vary(path):
    result = json.loads(path.read_text("utf-8"))
    assert {"processor", "cores", "python", "packages", "date"} <= set(result["environment"])
    if path in TRAINED:
        return
    assert set(result) == {"environment", "exact", "measured"}
    assert result["exact"] or result["measured"]
    assert not list(timings_in(result["exact"]))
    for timing in timings_in(result["measured"]):
        assert set(timing) == {"median", "low", "high", "repetitions"}
        assert timing["low"] <= timing["median"] <= timing["high"]
        assert timing["repetitions"] >= 1


def test_pictures_show_every_curve_with_its_exponent():
    files = pictures(page.RESULTS)
    assert set(files) == {"performance_break_even.svg", "performance_growth.svg"}
    growth = files["performance_growth.svg"].decode()
    measured = json.loads((page.RESULTS / "growth.json").read_text("utf-8"))["measured"]
    for curves in measured.values():
        for curve in curves.values():
            assert len(curve["milliseconds"]) >= 5
            assert f"{curve['fit']['exponent']:.2f} ± " in growth


def test_committed_pictures_exist():
    page_text = (page.DOCS / "performance.md").read_text("utf-8")
    for path in (page.ROOT / "docs" / "images").glob("performance_*"):
        assert f"images/{path.name}" in page_text
        assert path.stat().st_size < 100_000
    assert Path(page.ROOT / "docs" / "images" / "performance_growth.svg").exists()
