"""`discover`: a file in a folder is found; one that lacks the constant is named."""

import sys

import pytest

from eie_backend.discover import discover


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Return a function that writes the files of a package, and how `discover` is called on it."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "found_here").mkdir()

    def write(**files):
        for name, text in {"__init__": "", **files}.items():
            (tmp_path / "found_here" / f"{name}.py").write_text(text, "utf-8")
        return "found_here", [str(tmp_path / "found_here")], "METHOD"

    yield write
    for name in [name for name in sys.modules if name.split(".")[0] == "found_here"]:
        del sys.modules[name]


def test_every_file_is_found_in_the_order_of_names(package):
    assert discover(*package(b="METHOD = 2", a="METHOD = 1", c_="METHOD = 3")) == [1, 2, 3]


def test_files_without_the_constant_are_named_together(package):
    with pytest.raises(TypeError) as error:
        discover(*package(a="", b="METHOD = 2", c="OTHER = 1"))
    assert str(error.value) == (
        "found_here.a, found_here.c: no METHOD; every file of this folder defines one: add it, or "
        "move the file"
    )
