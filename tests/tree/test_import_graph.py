"""The checker of imports finds every fault, on small trees that have it."""

import pytest
from import_graph import file_circle, folder_circle, imports, modules, of_root, upward

LAYERS = [["top"], ["left", "right"], ["low"]]
CLEAN = {
    "__init__.py": "from house.top import door\nimport house.low.floor",
    "top/__init__.py": "from house.top.door import Door",
    "top/door.py": "from house.left import lamp\nfrom house.low.floor import height",
    "left/lamp.py": "import numpy",
    "right/lamp.py": "import house.low.floor as floor",
    "low/floor.py": "",
}


@pytest.fixture
def found_in(tmp_path):
    def found(files):
        for path, text in {**CLEAN, **files}.items():
            (tmp_path / "house" / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "house" / path).write_text(text, "utf-8")
        return imports(tmp_path, modules(tmp_path, {"house": "house"}))

    return found


def test_every_import_is_found_with_its_line(found_in):
    assert [str(each) for each in found_in({})] == [
        "house/__init__.py:1 imports house.top.door",
        "house/__init__.py:2 imports house.low.floor",
        "house/right/lamp.py:1 imports house.low.floor",
        "house/top/__init__.py:1 imports house.top.door",
        "house/top/door.py:1 imports house.left.lamp",
        "house/top/door.py:2 imports house.low.floor",
    ]


def test_a_clean_tree_has_no_fault(found_in):
    found = found_in({})
    assert of_root(found) == upward(found, LAYERS) == file_circle(found) == []
    assert folder_circle(found) == []


@pytest.mark.parametrize(
    "text",
    [
        "import house.top.door",
        "from house.top import door",
        "from house.top.door import Door",
        "from ..top import door",
        "def f():\n    from house.top import door",
        "if TYPE_CHECKING:\n    from house.top import door",
        "import_module('house.top.door')",
        "importlib.import_module('house.top.door')",
        "import_module(f'house.top.{name}')",
        "import_module(name)",
    ],
)
def test_an_upward_import_is_found_in_any_form(found_in, text):
    faults = upward(found_in({"low/floor.py": text}), LAYERS)
    line = text.count("\n") + 1
    assert (
        f"house/low/floor.py:{line} imports house.top.door, but top is not below low in the layers "
        "of pyproject.toml: move what both need down, or the caller up"
    ) in faults


def test_folders_of_a_row_do_not_import_one_another(found_in):
    [fault] = upward(found_in({"left/lamp.py": "import house.right.lamp"}), LAYERS)
    assert "right is not below left" in fault


@pytest.mark.parametrize("text", ["import house", "from house import Door", "from .. import Door"])
def test_an_import_of_the_root_is_found(found_in, text):
    assert of_root(found_in({"low/floor.py": text})) == [
        "house/low/floor.py:1 imports house: name the module of it that is meant"
    ]


def test_a_circle_of_files_is_told_import_by_import(found_in):
    found = found_in(
        {"low/floor.py": "import house.low.wall", "low/wall.py": "from . import floor"}
    )
    assert sorted(file_circle(found)) == [
        "house/low/floor.py:1 imports house.low.wall",
        "house/low/wall.py:1 imports house.low.floor",
    ]
    assert folder_circle(found) == []


def test_a_folder_and_its_file_are_a_circle(found_in):
    found = found_in({"top/door.py": "from house.top import Door"})
    assert sorted(file_circle(found)) == [
        "house/top/__init__.py:1 imports house.top.door",
        "house/top/door.py:1 imports house.top",
    ]


@pytest.mark.parametrize(
    "text",
    ["import_module(f'{__name__}.{name}')", "discover(__name__, __path__, 'METHOD')"],
)
def test_a_folder_that_imports_all_that_it_holds_is_no_circle(found_in, text):
    found = found_in({"top/__init__.py": text, "discover.py": "import_module(name)"})
    assert file_circle(found) == []
    assert "house/top/__init__.py:1 imports house.top.door" in map(str, found)


def test_a_circle_of_folders_may_go_through_files_that_are_in_none(found_in):
    found = found_in(
        {"left/lamp.py": "import house.right.lamp", "right/bell.py": "import house.left.lamp"}
    )
    assert file_circle(found) == []
    assert len(folder_circle(found)) == 2
