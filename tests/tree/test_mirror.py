"""The tests lie as what they test: each folder is one of the package, or says what else it is."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "eie_backend"
OTHERS = {
    "benchmarks": "of benchmarks/",
    "conformance": "ONNX's own node tests and model zoo, on the machine",
    "docs": "of docs/: its pages and what writes them",
    "end_to_end": "from a model to the machine's results: all folders together",
    "fuzz": "every reader of files, with mutations of valid ones",
    "runtime": "of runtime/, the C++: engines, units, timing, images",
    "tree": "of the repository itself: imports, names, where files lie",
    "tutorials": "of tutorials/",
    "untrusted": "models of strangers, from their bytes to a run: nothing reads others' memory",
}
"""Folders that mirror none of the package's, and what their tests are of."""


def modules():
    """Yield the folder and the name of every module; a folder is a module too, in itself.

    Tests of a folder in a folder may also lie one up.
    """
    for base, folder in ((PACKAGE, ""), (ROOT / "schedules", "schedules")):
        for path in base.rglob("*.py"):
            parts = (folder, *path.relative_to(base).parts[:-1])
            home = "/".join(part for part in parts if part)
            outer, _, inner = home.rpartition("/")
            yield home, inner if path.stem == "__init__" else path.stem
            if outer and path.stem == "__init__":
                yield outer, inner


def misplaced(test, known):
    """Say where a test belongs if it bears the name of a module that lies elsewhere."""
    folder, name = test.parent.as_posix().removeprefix("."), test.stem.removeprefix("test_")
    homes = {home for home, called in known if called == name}
    if folder.split("/")[0] in OTHERS or not homes or folder in homes:
        return ""
    found = " or ".join(sorted(f"eie_backend/{home}".rstrip("/") for home in homes))
    return f"tests/{test} is named after {name}.py of {found}: move it there, or name what it tests"


def test_every_folder_is_one_of_the_package_or_says_what_it_is():
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")} | {"schedules"}
    folders = {path.name for path in (ROOT / "tests").iterdir() if any(path.glob("**/test_*.py"))}
    assert folders - OTHERS.keys() <= rooms, "add it to OTHERS, or move its tests"
    assert rooms <= folders - OTHERS.keys(), "a folder of the package has no tests"
    assert OTHERS.keys() <= folders, "delete it from OTHERS"


def test_a_test_lies_where_its_module_does():
    known = set(modules())
    tests = (path.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py"))
    faults = sorted(fault for test in tests if (fault := misplaced(test, known)))
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("test", "lies_well"),
    [
        ("compiler/test_stages.py", True),
        ("compiler/test_compiler.py", True),  # of the folder as a whole
        ("compiler/test_what_it_refuses.py", True),  # of no module alone
        ("compress/torch/test_plan.py", True),
        ("sweep/test_plan.py", True),  # the name is used twice
        ("test_recipe.py", True),
        ("schedules/test_tile.py", True),
        ("runtime/test_engines.py", True),  # C++
        ("test_stages.py", False),
        ("compress/test_plan.py", False),
        ("compress/test_recipe.py", False),
        ("compress/test_compiler.py", False),
    ],
)
def test_the_check_sees(test, lies_well):
    assert (misplaced(Path(test), set(modules())) == "") is lies_well
