"""What no module of the package does, since its inputs may come from anywhere."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted([*ROOT.glob("eie_backend/**/*.py"), *ROOT.glob("schedules/**/*.py")])

UNSAFE_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "joblib"}
UNSAFE_MODULES |= {"tarfile", "xml"}
"""What runs code or writes files that its data name, or expands entities."""

UNSAFE_CALLS = {"eval", "exec", "__import__"}
UNSAFE_METHODS = {"extractall", "extract", "unpack_archive", "literal_eval", "unsafe_load"}
UNSAFE_METHODS |= {"full_load", "safe_load", "load_all"}

ALLOWED = {
    ("compress/torch/checkpoint.py", "pickle"): "the name of an error; it loads weights_only",
    ("reproduce/published.py", "safe_load"): "a file of the package",
    ("reproduce/spmat_sram.py", "safe_load"): "a file of the package",
}
"""Exceptions by file, with their reason."""


def keywords(call: ast.Call) -> dict[str, object]:
    return {k.arg: getattr(k.value, "value", None) for k in call.keywords if k.arg}


def faults_of(tree: ast.AST) -> list[str]:
    """Return the names of all that a module should not do."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = node.module if isinstance(node, ast.ImportFrom) else None
            names = [module or ""] if module else [alias.name for alias in node.names]
            found += [n for n in names if n.split(".")[0] in UNSAFE_MODULES]
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        if isinstance(function, ast.Name) and function.id in UNSAFE_CALLS:
            found.append(function.id)
        if isinstance(function, ast.Attribute):
            called = ast.unparse(function)
            found += [function.attr] if function.attr in UNSAFE_METHODS else []
            if called in ("np.load", "numpy.load", "npy.read_array"):
                # What has no such argument is never asked to unpickle; NumPy's default is the same.
                found += [called] if keywords(node).get("allow_pickle", False) is not False else []
            found += [called] if called in ("os.system", "os.popen") else []
            if called == "torch.load" and keywords(node).get("weights_only") is not True:
                found.append(called)
            if called == "yaml.load" and "LOADER" not in ast.unparse(node):
                found.append(called)
            if keywords(node).get("shell") is True:
                found.append("shell=True")
    return found


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
        "import pickle",
        "from pickle import loads",
        "import xml.dom.minidom",
        "eval(x)",
        "yaml.load(text, yaml.Loader)",
        "yaml.unsafe_load(text)",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=user)",
        "torch.load(path)",
        "archive.extractall(folder)",
        "os.system(line)",
        "subprocess.run(line, shell=True)",
    ],
)
def test_the_check_sees(line):
    assert faults_of(ast.parse(line))
