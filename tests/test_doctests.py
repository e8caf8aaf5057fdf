"""The examples in the docstrings of the package."""

import doctest
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import walk_packages

import pytest

import eie_backend

MODULES = [info.name for info in walk_packages(eie_backend.__path__, "eie_backend.")]
WITH_EXAMPLES = [
    name for name in MODULES if ">>> " in Path(find_spec(name).origin).read_text("utf-8")
]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples(name):
    try:
        module = import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in ("jax", "torch"):
            raise
        pytest.skip(f"{name} needs the extra `{error.name}`")
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


def test_the_modules_are_found():
    assert {
        "eie_backend.machine.encoding",
        "eie_backend.isa.fields",
        "eie_backend.schedules.tile",
    } <= {*MODULES}
