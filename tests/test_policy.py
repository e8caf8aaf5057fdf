"""What no module does with data from anywhere, and ruff's rules ``S`` do not see."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted([*ROOT.glob("eie_backend/**/*.py"), *ROOT.glob("schedules/**/*.py")])

UNSAFE_MODULES = {"cloudpickle", "joblib"}
"""What unpickles; ruff knows Python's own, and dill."""

UNSAFE_NAMES = {"__import__", "extract", "unpack_archive", "literal_eval"}
YAML_LOADERS = {"safe_load", "full_load", "unsafe_load"}
YAML_LOADERS |= {f"{name}_all" for name in ("load", *YAML_LOADERS)}
"""All but `read_yaml` in `eie_backend.files.plain_yaml`, which bounds what a text can make."""

ALLOWED = {
    ("reproduce/published.py", "safe_load"): "a file of the package",
    ("reproduce/spmat_sram.py", "safe_load"): "a file of the package",
}
"""Exceptions by file, with their reason."""


def faults_of(tree: ast.AST) -> list[str]:
    """Return the names of all that a module should not do."""
    found = []
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                found += [a.name for a in names if a.name.split(".")[0] in UNSAFE_MODULES]
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] in UNSAFE_MODULES:
                found.append(module)
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
                if name in UNSAFE_NAMES | YAML_LOADERS or _unpickles(node):
                    found.append(name)
    return found


def _unpickles(call: ast.Call) -> bool:
    given = {k.arg: getattr(k.value, "value", None) for k in call.keywords}
    match ast.unparse(call.func):
        case "np.load" | "numpy.load" | "npy.read_array":
            return given.get("allow_pickle", False) is not False  # NumPy's default
        case "torch.load":
            return given.get("weights_only") is not True
    return False


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_runs_no_data(path):
    name = path.relative_to(ROOT).as_posix().removeprefix("eie_backend/")
    faults = faults_of(ast.parse(path.read_text("utf-8")))
    assert [fault for fault in faults if (name, fault) not in ALLOWED] == []


def test_every_exception_is_needed():
    for name, fault in ALLOWED:
        assert fault in faults_of(ast.parse((ROOT / "eie_backend" / name).read_text("utf-8")))


@pytest.mark.parametrize(
    "line",
    [
        "import joblib",
        "from cloudpickle import loads",
        "__import__(name)",
        "yaml.safe_load(text)",
        "yaml.load_all(text, LOADER)",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=user)",
        "torch.load(path)",
        "torch.load(path, weights_only=user)",
        "archive.extract(name)",
        "shutil.unpack_archive(path)",
        "literal_eval(text)",
    ],
)
def test_the_check_sees(line):
    assert faults_of(ast.parse(line))
