"""The run on the page about fidelity prints what stands there."""

import re
import sys
from pathlib import Path

import pytest

from eie_backend import cli

PAGE = Path(__file__).parents[2] / "docs" / "fidelity.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.nightly
def test_the_run_prints_what_stands_there(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    blocks = BLOCK.findall(PAGE.read_text("utf-8"))
    (code,) = (text for kind, text in blocks if kind == "python")
    compared, evaluated = (text for kind, text in blocks if kind == "text")
    lines = next(text for kind, text in blocks if not kind and "compile" in text).splitlines()
    lines.append("eie evaluate lenet.so --data digits.npz")
    shown = []
    exec(code, {})  # noqa: S102 - a block of our page
    for line in lines:
        capsys.readouterr()  # nothing of what was before
        monkeypatch.setattr(sys, "argv", line.split())
        with pytest.raises(SystemExit) as leaving:
            cli.main()
        assert not leaving.value.code
        shown.append([line.rstrip() for line in capsys.readouterr().out.splitlines()])
    assert shown[1] == compared.splitlines()
    assert shown[2][: len(evaluated.splitlines())] == evaluated.splitlines()
