"""Ctrl-C at any moment: exit code 130 and one line, from every process of a command.

``python benchmarks/interrupts.py`` interrupts each command of `LINES` `INTERRUPTS` times, half an
hour in all, and writes ``benchmarks/results/interrupts.json``; ``python benchmarks/interrupts.py 4
compile`` interrupts one command four times and writes nothing.

A trial starts the command in a new folder, waits until its own code runs (what Python does before
that is not ours) and sends SIGINT to its whole process group, workers and linker included, at any
moment until its usual end. A fault is another exit code, another line, a file in the folder of
temporary files or with a name of unfinished ones, or a command that goes on.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from kills import COMMANDS, Files, inputs, scene
from record import record

from eie_backend.files.whole_file import PART
from eie_backend.process.interrupts import INTERRUPT_EXIT, LINE

INTERRUPTS = 100
"""Number of interrupts of each command."""

AT_ONCE = 2
SEED = 21
GOES_ON_S = 1
"""A command that still ends with success so long after SIGINT did not take it."""

IGNORING = ("sh", "-c", 'trap "" INT; exec "$@"', "sh")
"""Starts a command with SIGINT ignored, as a shell's background has it: eie takes it over."""

LINES = {
    "report": COMMANDS["report"].line,
    "faults": "faults lenet.so --data x.npy --trials 2 -o faults.json",
    "evaluate": "evaluate lenet.so --data data.npz --scheduler processes --workers 2",
    "compress": COMMANDS["compress"].line,
    "compile": COMMANDS["compile"].line,
    "sweep": "sweep sweep.yaml -o swept --scheduler processes --workers 2",
}


class Ended(NamedTuple):
    """How a command ended: code, stderr, unfinished files, seconds since SIGINT or the start."""

    code: int
    message: str
    left: list[str]
    seconds: float


def ended(line: str, files: Files, wait: float | None) -> Ended:
    """Run a command in a new folder, and interrupt it after `wait` seconds, if any."""
    with scene(files) as folder:
        process = subprocess.Popen(
            [*IGNORING, Path(sys.executable).with_name("eie"), *line.split()],
            cwd=folder / "work",
            env={**os.environ, "TMPDIR": str(folder / "tmp")},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        while not _took_over(process.pid):
            time.sleep(0.001)
        since = time.monotonic()
        if wait is not None:
            time.sleep(wait)
            since = time.monotonic()
            os.killpg(process.pid, signal.SIGINT)
        _, message = process.communicate()
        seconds = time.monotonic() - since
        left = [p.name for p in folder.rglob("*") if PART in p.name or p.parent.name == "tmp"]
        return Ended(process.returncode, message, left, seconds)


def _took_over(pid: int) -> bool:
    """Return whether a command handles SIGINT, or has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True
    (caught,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return "Z (zombie)" in status or bool(int(caught, 16) >> (signal.SIGINT - 1) & 1)


def interrupted(line: str, files: Files, interrupts: int) -> dict[str, float]:
    """Interrupt a command `interrupts` times; print the faults, and return what was seen."""
    usual = ended(line, files, None)
    if usual.code:
        sys.exit(f"eie {line}: exit code {usual.code}: {usual.message}")
    rng, seen, slowest = random.Random(SEED), Counter[str](), 0.0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while (missing := interrupts - seen["interrupts"]) > 0:
            waits = [rng.uniform(0, usual.seconds) for _ in range(min(missing, 2 * AT_ONCE))]
            for found in pool.map(lambda wait: ended(line, files, wait), waits):
                if found.code == 0 and found.seconds < GOES_ON_S:
                    seen["too late"] += 1
                    continue
                seen["interrupts"] += 1
                slowest = max(slowest, found.seconds)
                # What it tells in any case, such as "wrote FILE", may come before.
                told = found.message.removesuffix(LINE)
                is_line = told != found.message and usual.message.startswith(told)
                if (found.code, is_line, found.left) != (INTERRUPT_EXIT, True, []):
                    seen["faults"] += 1
                    print(f"eie {line}: {found}", file=sys.stderr)
    print(f"{line.split(maxsplit=1)[0]}: {dict(seen)}", file=sys.stderr, flush=True)
    return {
        "interrupts": seen["interrupts"],
        "too_late": seen["too late"],
        "faults": seen["faults"],
        "slowest_seconds": round(slowest, 2),
    }


def main() -> None:
    """Interrupt, print and write."""
    interrupts, *names = sys.argv[1:] or [str(INTERRUPTS)]
    files = inputs()
    with scene(files) as folder:
        with np.load(folder / "work" / "data.npz") as data:
            np.save(folder / "work" / "x.npy", data["image"])
        files["x.npy"] = (folder / "work" / "x.npy").read_bytes()
    chosen = names or LINES
    found = {name: interrupted(LINES[name], files, int(interrupts)) for name in chosen}
    if sys.argv[1:]:
        print(json.dumps(found, indent=2))
    else:
        record("interrupts", {}, found)
    if sum(row["faults"] for row in found.values()):
        sys.exit("Ctrl-C was a fault")


if __name__ == "__main__":
    main()
