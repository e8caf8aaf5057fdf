"""Shell completion: the scripts that are installed, and what they are answered."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from eie_backend.machine.choices import ARITHMETIC, BIAS, ENGINE, OBJECTIVE
from eie_backend.reproduce.names import TABLES

BIN = Path(sys.executable).parent
EIE = BIN / "eie"


def shell(command, home, **more):
    done = subprocess.run(
        command,
        env={**os.environ, "HOME": str(home), "PATH": f"{BIN}:{os.environ['PATH']}", **more},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def answers(kind, words, home):
    """Return what the command answers a shell; `words` end where the cursor is."""
    line = "eie " + words
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
    if kind != "bash":
        asked = {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    text = shell([EIE], home, _EIE_COMPLETE=f"complete_{kind}", **asked)
    return [line.partition("\t")[0] for line in text.splitlines() if line]


@pytest.mark.sampled(5)
@pytest.mark.parametrize("kind", ["bash", "fish"])
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("prof", ["profile"]),
        ("profile --engine ", [*ENGINE.default_first]),
        ("profile --engine f", ["functional"]),
        ("compile m.onnx --arithmetic ", [*ARITHMETIC.default_first]),
        ("compile m.onnx --balance o", ["off", "on"]),
        ("compile m.onnx --bias ", [*BIAS.values]),
        ("compile m.onnx --emit t", ["tir"]),
        ("compile m.onnx --winograd a", ["auto", "always"]),
        ("compress m.onnx --search o", ["optuna"]),
        ("compress m.onnx --objective ", [*OBJECTIVE.values]),
        ("compress m.onnx --method b", ["balanced"]),
        ("faults m.so --protection s", ["secded"]),
        ("faults m.so --units act", ["act_queue", "act"]),
        ("reproduce --structure u", ["uneven"]),
        ("reproduce --table ", [*TABLES]),
        ("reproduce --figure 1", ["10", "11", "12", "13"]),
        ("reproduce --table 4 --other br", ["break_even"]),
        # Nothing of ours: the shell completes files.
        ("compile mod", []),
        ("profile m.so --input ", []),
    ],
)
def test_answers(kind, words, expected, tmp_path):
    assert answers(kind, words, tmp_path) == expected


def test_zsh_is_answered_in_its_own_form(tmp_path):
    choices = "_arguments '*: :((\"functional\"))'"
    assert answers("zsh", "profile --engine f", tmp_path) == [choices]
    assert answers("zsh", "compile mod", tmp_path) == ["_files"]


@pytest.mark.parametrize(
    ("kind", "sign"),
    [
        ("bash", "complete -o default -F"),
        ("zsh", "#compdef eie"),
        ("fish", "complete --command eie"),
    ],
)
def test_the_script_is_shown(kind, sign, tmp_path):
    text = shell(
        [EIE, "--show-completion", kind], tmp_path, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1"
    )
    assert sign in text
    assert f"_EIE_COMPLETE=complete_{kind}" in text


def test_bash_completes_after_the_installation(tmp_path):
    (tmp_path / "model.so").touch()
    installed = shell(["bash", "-c", "eie --install-completion; true"], tmp_path)
    assert "bash completion installed" in installed
    script = """
source ~/.bash_completions/eie.sh
complete -p eie
COMP_WORDS=(eie profile model.so --engine ""); COMP_CWORD=4
_eie_completion eie
echo "${COMPREPLY[@]}"
"""
    assert shell(["bash", "-c", script], tmp_path).splitlines() == [
        "complete -o default -F _eie_completion eie",  # default: files where there is no answer
        "event functional clock",
    ]


def test_completion_imports_neither_tvm_nor_numpy(tmp_path):
    script = (
        "import sys; sys.argv = ['eie']\n"
        "from eie_backend.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print({'numpy', 'onnx', 'tvm', 'tvm_ffi', 'xdsl'} & sys.modules.keys())"
    )
    asked = {"COMP_WORDS": "eie profile --engine ", "COMP_CWORD": "3"}
    text = shell([sys.executable, "-c", script], tmp_path, _EIE_COMPLETE="complete_bash", **asked)
    assert text.splitlines() == [*ENGINE.default_first, "set()"]
