"""The same layers on the simulator of the EIE paper's authors: cycles must be equal.

The authors' code is not part of this package; the user provides a copy. Layer sizes are compiled
in, so it is built once per layer, in a temporary folder.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from eie_backend.errors import InputError, SimulatorError
from eie_backend.reproduce.result import Result, Value
from eie_backend.reproduce.runs import PAPER, Runs
from eie_backend.simulator import simulate
from eie_backend.workloads.authors_format import write_authors_files

T = TypeVar("T")

KEY = "authors_simulator"

PARTS = ("Makefile", "src")
PROGRAM = "simulation"
CYCLES = re.compile(r"One layer done, cycles:\s*(\d+)")
TIMEOUT_S = 600.0
REPEATS = 3
EXACT = "both follow the same rules edge by edge"
SHOWN_LINES = 3


def reproduce(runs: Runs, copy: Path, timeout_s: float = TIMEOUT_S) -> Result:
    """Run the nine layers on the authors' simulator and on ours.

    Parameters
    ----------
    runs : Runs
    copy : path
        Folder of the authors' simulator, with ``Makefile`` and ``src``; it stays unchanged.
    timeout_s : float
        Time limit of one build, or of one run, in seconds.

    Returns
    -------
    Result
        The paper's column holds the authors' simulator: its cycles, and its time, which includes
        reading its files. Our time does not include encoding.

    Raises
    ------
    InputError
        If the folder is not their simulator, or the simulator cannot run a layer.
    SimulatorError
        If the simulator cannot be built or run, takes too long, or prints no cycles.
    """
    if missing := [part for part in PARTS if not (copy / part).exists()]:
        raise InputError(
            f"{copy}: has no {' and no '.join(missing)}; give the folder of the EIE authors' "
            f"simulator, which holds {' and '.join(PARTS)}"
        )
    values = []
    for name, layer in runs.layers.items():
        with tempfile.TemporaryDirectory(prefix="eie_authors_") as temporary:
            folder = Path(temporary)
            shutil.copy(copy / "Makefile", folder)
            shutil.copytree(copy / "src", folder / "src")
            encoded = write_authors_files(layer, PAPER, folder)
            # Disable the log of every cycle, and set this layer's sizes in src/params.h.
            _call(name, ["make", "DEBUG=0"], folder, timeout_s)
            run_there = partial(_call, name, [f"./{PROGRAM}"], folder, timeout_s)
            printed, theirs_s = _timed(run_there)
        if not (found := CYCLES.search(printed)):
            raise SimulatorError(
                f'{name}: the authors\' simulator printed no line "One layer done, cycles:N", '
                f"but: {_last_lines(printed)}; give a version that prints it"
            )
        run_here = partial(simulate, encoded, layer.activations, PAPER, "float32")
        run, ours_s = _timed(run_here)
        values += [
            Value(name, "cycles", "", run.cycles, int(found[1]), 0.0, EXACT),
            Value(name, "first run", "ms", ours_s[0] * 1e3, theirs_s[0] * 1e3),
            Value(name, "best run", "ms", min(ours_s) * 1e3, min(theirs_s) * 1e3),
            Value(name, "times as fast", "", min(theirs_s) / min(ours_s)),
        ]
    notes = (
        runs.note(),
        f'The column "paper" is the authors\' simulator in {copy.name}, built without its debug '
        "log. It always broadcasts a bias's constant 1; layers without a bias have an empty bias "
        "column on both sides. Host times are of one core: theirs include reading its files every "
        f"time, our first run prepares the encoded matrix for the engine; best of {REPEATS}.",
    )
    return Result(KEY, "The nine layers on the simulator of the paper's authors", (*values,), notes)


def _timed(call: Callable[[], T]) -> tuple[T, list[float]]:
    """Return the result of a call and the seconds of each repetition."""
    times_s = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        result = call()
        times_s.append(time.perf_counter() - start)
    return result, times_s


def _call(name: str, command: list[str], folder: Path, timeout_s: float) -> str:
    """Run a command in a folder and return its output."""
    what = f"{name}: the authors' simulator: {' '.join(command)}"
    try:
        done = subprocess.run(  # noqa: S603 - the simulator that the user names, to be run
            command, cwd=folder, capture_output=True, timeout=timeout_s, check=False
        )
    except OSError as error:
        raise SimulatorError(
            f"{what} cannot be started: {error.strerror}; it needs make and g++, and its Makefile "
            f"must build ./{PROGRAM}"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise SimulatorError(f"{what} was stopped after {timeout_s:g} s; try it by hand") from error
    printed = (done.stdout + b"\n" + done.stderr).decode("utf-8", "replace")
    if done.returncode:
        raise SimulatorError(
            f"{what} ended with {done.returncode}: {_last_lines(printed)}; try it by hand"
        )
    return printed


def _last_lines(printed: str) -> str:
    """Return the last non-empty lines, joined to one line."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    return " | ".join(lines[-SHOWN_LINES:]) or "nothing"
