"""kill -9 at any moment: every file is complete or absent, and the next run is not affected.

``python benchmarks/kills.py`` kills each command of `COMMANDS` `KILLS` times, 40 minutes in all,
and writes ``benchmarks/results/kills.json``. ``python benchmarks/kills.py 4 compile`` kills one
command four times and writes nothing.

A trial starts the command in a new folder and kills its whole process group, including the linker:

- a third of the trials by the clock, at any moment between the command's start and its usual end;
- a third during writes: an audit hook reports when the command is about to create, rename or remove
  a file or to start a program, and the signal follows within `LATE_S`;
- a third while results appear: the same, at one of the last `LAST` of these events.

Half of the folders have an earlier run's results. After the kill each file equals, byte for byte,
the earlier file or that of an undisturbed run. Files that grow during a run (the accuracies of
``eie compress`` in ``.eie_cache``, and the study of ``eie sweep``) are readable and contain only
entries of an undisturbed run. Unfinished files are in folders ``.eie_part_*``, which nothing reads.
Then the command runs to its end, resuming where it can. After that the folder has the files of an
undisturbed run, byte for byte, and nothing else; a study has the same designs and values, because a
database also stores times. Temporary files of TVM (which links a network to run it at once) and of
the linker may remain in the system's folder for temporary files.

All files of ``eie compress`` or ``eie sweep`` are complete before the first is renamed, and the
main file is renamed last. Kills between two renamings are counted as ``torn``: some files are new,
others old or absent, but each is complete. The next run repairs that. A compressed model contains
its recipe, so ``eie inspect`` always shows which recipe it has.

The commands are forked from this process, which has imported all that they need. A trial therefore
takes seconds, and a kill hits the command at work and not during its imports.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, NoReturn

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator
from onnx.utils import Extractor

from eie_backend import cli
from eie_backend.cli.demo import digits, lenet
from eie_backend.files.whole_file import PART

sys.path.insert(0, str(Path(__file__).parent))
from record import record

KILLS = 50
"""Number of kills of each command."""

KINDS = ("by the clock", "as something is written", "as results appear")
LATE_S = 0.02
LAST = 12
SAMPLES = 100
SEED = 8
EVENTS = {"open", "os.rename", "os.mkdir", "os.rmdir", "os.remove", "subprocess.Popen"}
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT

SWEEP: dict[str, Any] = {
    "models": {"tail": "tail.onnx"},
    "data": "tail.npz",
    "bind": {"batch": SAMPLES},
    "recipe": {"density": [0.1, 0.3]},
}
VALUES = "trial_values"
MODULES = (
    *(f"eie_backend.{name}" for name in ("compiler", "search.pictures", "search.search")),
    *(f"eie_backend.{name}" for name in ("profiler", "report.page", "sweep.page")),
    *("alembic.migration", "matplotlib.pyplot", "optuna.storages", "sqlalchemy.dialects.sqlite"),
)
"""Modules that the commands import when they run."""

Files = dict[str, bytes]


def numbers(cache: Path) -> set[object]:
    """Return the contents of a file of cached accuracies."""
    return set(json.loads(cache.read_text())["numbers"].items())


def outcomes(study: Path) -> set[object]:
    """Return the designs and values in a study's database."""
    with closing(sqlite3.connect(study)) as database:
        if database.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
            raise ValueError("the database is damaged")
        named = "SELECT 1 FROM sqlite_master WHERE name = ?"
        if not database.execute(named, (VALUES,)).fetchall():
            return set()
        return set(
            database.execute(
                f"SELECT value_json, objective, value FROM {VALUES} "  # noqa: S608 - a constant
                "JOIN trial_user_attributes USING (trial_id)"
            )
        )


class Command(NamedTuple):
    """A command line, an earlier command line, and files that grow, with their readers."""

    line: str
    earlier: str
    grows: Mapping[str, Callable[[Path], set[object]]] = MappingProxyType({})

    def rows(self, files: Files) -> dict[str, set[object]]:
        """Return the contents of the files that grow."""
        with scene(files) as folder:
            return {
                name: read(folder / "work" / name)
                for start, read in self.grows.items()
                for name in files
                if name.startswith(start) and PART not in name and not name.endswith("-journal")
            }

    def fixed(self, files: Files) -> Files:
        """Return the other files."""
        grows = tuple(self.grows)
        return {name: data for name, data in files.items() if not name.startswith(grows)}


COMPRESS = "compress tail.onnx --data tail.npz --bind batch=100 -o out.eiez --report out.json"
COMMANDS = {
    "compile": Command(
        "compile lenet.onnx --bind batch=100 --density 0.1 -o out.so",
        "compile lenet.onnx --bind batch=100 --density 0.5 -o out.so",
    ),
    "compress": Command(
        f"{COMPRESS} --max-drop 2",
        f"{COMPRESS} --max-drop 9",
        {".eie_cache/": numbers},
    ),
    "report": Command(
        "report lenet.so --input data.npz -o out.html",
        "report lenet.so --input data.npz -o out.html --engine functional",
    ),
    "sweep": Command(
        "sweep sweep.yaml -o swept --scheduler threads --workers 1",
        "sweep narrow.yaml -o swept --scheduler threads --workers 1",
        {"swept/study.db": outcomes},
    ),
}


def inputs() -> Files:
    """Return the commands' inputs: the shipped LeNet-300-100, its last two layers, a library."""
    images, labels = digits()
    whole = onnx.shape_inference.infer_shapes(onnx.load_from_string(lenet()))
    tail = Extractor(whole).extract_model(["relu1_output"], ["logits"])
    x = np.random.default_rng(SEED).normal(size=(SAMPLES, 300)).astype(np.float32)
    (logits,) = ReferenceEvaluator(tail).run(None, {"relu1_output": x})
    with scene({"lenet.onnx": lenet(), "tail.onnx": tail.SerializeToString()}) as folder:
        work = folder / "work"
        for name, sizes in (("sweep.yaml", [4, 8, 16]), ("narrow.yaml", [2, 4])):
            (work / name).write_text(json.dumps({**SWEEP, "hardware": {"num_pe": sizes}}))
        np.savez(work / "data.npz", image=images[:SAMPLES], labels=labels[:SAMPLES])
        np.savez(work / "tail.npz", relu1_output=x, labels=logits.argmax(axis=1))
        line = "compile lenet.onnx --bind batch=100 --density 0.2 -o lenet.so"
        return undisturbed(line, folder, {}).after


class Running:
    """A forked command in a process group of its own, and a pipe with a byte for each event."""

    def __init__(self, line: str, folder: Path) -> None:
        self.pipe, told = os.pipe()
        self.group = os.fork()
        # Parent and child both set the group, so that it exists and can be killed at once.
        os.setpgid(self.group, self.group)
        if self.group == 0:
            _become(line, folder, told)
        os.close(told)

    def events(self, most: float = float("inf")) -> int:
        """Return the number of events until the command ends, at most `most`."""
        count = 0
        while count < most and os.read(self.pipe, 1):
            count += 1
        return count

    def wait(self, seconds: float) -> None:
        """Wait `seconds` seconds, or until the command ends."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self.pipe], [], [], left)[0] and not os.read(self.pipe, 4096):
                return

    def kill(self) -> bool:
        """Kill the whole group; return whether the command was still running."""
        os.killpg(self.group, signal.SIGKILL)
        return self.end() == -signal.SIGKILL

    def end(self) -> int:
        """Return the exit code of the command."""
        os.close(self.pipe)
        return os.waitstatus_to_exitcode(os.waitpid(self.group, 0)[1])


def _become(line: str, folder: Path, told: int) -> NoReturn:
    """Run the command in this process, and report its events."""
    os.chdir(folder / "work")
    os.environ["TMPDIR"], tempfile.tempdir = str(folder / "tmp"), None
    log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in EVENTS and (event != "open" or arguments[2] & WRITES):
            os.write(told, b".")

    sys.addaudithook(hook)
    sys.argv, code = ["eie", *line.split()], 0
    try:
        cli.main()
    except SystemExit as leaving:
        code = int(leaving.code or 0)
    finally:
        sys.stdout.flush()
        os._exit(code)


@contextmanager
def scene(files: Files) -> Iterator[Path]:
    """Create a folder with these files in `work`, and a `tmp` next to it."""
    with tempfile.TemporaryDirectory(prefix="eie_kills_") as name:
        folder = Path(name)
        (folder / "tmp").mkdir()
        for path, data in files.items():
            place = folder / "work" / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        yield folder


def files_in(folder: Path) -> Files:
    """Return the content of all files by name; an empty folder counts as a file."""
    found = {path: path.is_file() for path in sorted(folder.rglob("*"))}
    return {
        str(path.relative_to(folder)): path.read_bytes() if is_file else b""
        for path, is_file in found.items()
        if is_file or not any(path.iterdir())
    }


class Course(NamedTuple):
    """An undisturbed run: the files before and after it, its time, and its number of events."""

    before: Files
    after: Files
    seconds: float
    events: int


def course(line: str, before: Files) -> Course:
    """Run a command in a new folder, undisturbed."""
    with scene(before) as folder:
        return undisturbed(line, folder, before)


def undisturbed(line: str, folder: Path, before: Files) -> Course:
    """Run a command to its end."""
    start = time.monotonic()
    running = Running(line, folder)
    events = running.events()
    seconds = time.monotonic() - start
    if code := running.end():
        sys.exit(f"eie {line}: exit code {code}: {(folder / 'log').read_text()}")
    return Course(before, files_in(folder / "work"), seconds, events)


def faults_after_kill(command: Command, usual: Course, left: Files) -> list[str]:
    """Return the faults in the files that a kill left."""
    faults = []
    for name, data in command.fixed(left).items():
        known = data in (usual.before.get(name), usual.after.get(name))
        if PART not in name and not known:
            faults.append(f"{name}: neither the old file nor the new one")
    lost = set(usual.before) & set(usual.after) - set(left)
    faults += [f"{name}: was there before and is gone" for name in sorted(lost)]
    try:
        complete = command.rows(usual.after)
        for name, rows in command.rows(left).items():
            if not rows <= complete.get(name, set()):
                faults.append(f"{name}: holds what a run does not find")
    except (ValueError, KeyError, sqlite3.Error) as error:
        faults.append(f"{', '.join(command.grows)}: cannot be read: {error}")
    return faults


def trial(command: Command, usual: Course, kind: str, rng: random.Random) -> Counter[str]:
    """Kill a command once and run it again; return the observations, none if it was too late."""
    with scene(usual.before) as folder:
        running = Running(command.line, folder)
        if kind == KINDS[0]:
            running.wait(rng.uniform(0, usual.seconds))
        else:
            first = 1 if kind == KINDS[1] else max(1, usual.events - LAST + 1)
            running.events(rng.randint(first, usual.events))
            time.sleep(LATE_S * rng.random() ** 4)  # mostly at once
        if not running.kill():
            return Counter()
        left = files_in(folder / "work")
        faults = faults_after_kill(command, usual, left)
        after = command.fixed(usual.after)
        again = undisturbed(command.line, folder, left).after
        different = {name for name, _ in command.fixed(again).items() ^ after.items()}
        if different or command.rows(again) != command.rows(usual.after):
            faults.append(f"after the next run differ {sorted(different) or [*command.grows]}")
        in_tmp = list((folder / "tmp").iterdir())
    for fault in faults:
        print(f"eie {command.line}: {fault}", file=sys.stderr)
    written = {name for name, data in after.items() if data != usual.before.get(name)}
    new = {name for name in written if left.get(name) == after[name]}
    seen = ["kills", kind]
    seen += ["unfinished files left"] * any(PART in name for name in left)
    seen += ["all old"] * (not new) + ["all new"] * (new == written)
    seen += ["torn"] * (bool(new) and new != written) + ["left in TMPDIR"] * bool(in_tmp)
    return Counter(seen) + Counter({"faults": len(faults)})


def killed(command: Command, files: Files, kills: int) -> Counter[str]:
    """Kill a command `kills` times, half of them in folders with an earlier run's results."""
    rng = random.Random(SEED)
    earlier = course(command.earlier, files)
    courses = [course(command.line, files), course(command.line, earlier.after)]
    found: Counter[str] = Counter()
    while found["kills"] < kills:
        earlier_runs, number = divmod(found["kills"], len(KINDS))
        found += trial(command, courses[earlier_runs % 2], KINDS[number], rng)
        print(f"{command.line.split()[0]}: {found['kills']} of {kills}", file=sys.stderr)
    return found


def main() -> None:
    """Kill, print, and write the result unless only a part was run."""
    kills, *names = sys.argv[1:] or [str(KILLS)]
    for module in MODULES:
        import_module(module)
    files = inputs()
    found = {name: killed(COMMANDS[name], files, int(kills)) for name in names or COMMANDS}
    if sys.argv[1:]:
        print(json.dumps(found, indent=2))
    else:
        record("kills", {}, found)
    if sum(row["faults"] for row in found.values()):
        sys.exit("a kill left a fault")


if __name__ == "__main__":
    main()
