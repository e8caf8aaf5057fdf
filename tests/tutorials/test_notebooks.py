"""Every tutorial runs as the notebook that the site offers for download; in CI, one per change."""

import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

TUTORIALS = sorted((Path(__file__).parents[2] / "tutorials").glob("[0-9][0-9]_*.py"))
OPTIONAL = ("torch", "jax")


@pytest.mark.notebook
@pytest.mark.nightly
# The client and the kernel are not ours: what they warn of differs from version to version.
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("script", TUTORIALS, ids=lambda script: script.stem)
def test_tutorial_runs_as_a_notebook(script, tmp_path):
    gallery = pytest.importorskip("sphinx_gallery.notebook", reason="needs the extra `docs`")
    nbformat = pytest.importorskip("nbformat", reason="needs the extra `docs`")
    nbclient = pytest.importorskip("nbclient", reason="needs the extra `docs`")
    pytest.importorskip("ipykernel", reason="needs the extra `docs`")
    for package in OPTIONAL:
        if f"import {package}\n" in script.read_text("utf-8") and not find_spec(package):
            pytest.skip(f"needs the extra `{package}`")
    shutil.copy(script, tmp_path)
    gallery.python_to_jupyter_cli([str(tmp_path / script.name)])
    notebook = nbformat.read(tmp_path / f"{script.stem}.ipynb", as_version=4)
    assert any(cell.cell_type == "code" for cell in notebook.cells)
    where = {"metadata": {"path": str(tmp_path)}}
    patience = {"timeout": 3600, "startup_timeout": 600}
    nbclient.NotebookClient(notebook, resources=where, **patience).execute()
