"""The package's imports go down, in no circle; its root holds few files.

The import linter says the same in ``make check``. Here names handed to `import_module` count too,
and a folder and its own ``__init__``, in a bare installation of the tests.
"""

from pathlib import Path

import pytest
from import_graph import file_circle, folder, folder_circle, imports, modules, of_root, upward
from layers import layers

ROOT = Path(__file__).parents[2]
PARTS = {"eie_backend": "eie_backend", "eie_backend.schedules": "schedules"}
MOST_FILES_AT_THE_ROOT = 8


@pytest.fixture(scope="module")
def known():
    return modules(ROOT, PARTS)


@pytest.fixture(scope="module")
def found(known):
    return imports(ROOT, known)


def test_every_folder_has_its_place(known):
    assert {folder(name) for name in known} - {""} == {name for row in layers() for name in row}


def test_no_module_imports_the_root(found):
    faults = of_root(found)
    assert not faults, "\n".join(faults)


def test_imports_go_down(found):
    faults = upward(found, layers())
    assert not faults, "\n".join(faults)


def test_files_import_one_another_in_no_circle(found):
    faults = file_circle(found)
    assert not faults, "\n".join(faults)


def test_folders_import_one_another_in_no_circle(found):
    faults = folder_circle(found)
    assert not faults, "\n".join(faults)


def test_the_root_holds_few_files():
    files = sorted(path.name for path in (ROOT / "eie_backend").iterdir() if path.is_file())
    assert len(files) <= MOST_FILES_AT_THE_ROOT, f"give one of them a folder: {files}"


def test_every_file_is_read(found, known):
    assert len(known) > 300
    assert len(found) > 1000
