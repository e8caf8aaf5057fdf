"""What others print during a command comes to neither stream, unless --verbose; a crash's does."""

import json
import signal
import subprocess
import sys
import time
from contextlib import suppress

import numpy as np
import onnx
import psutil
import pytest
from every_command import COMMANDS, prepare, run_all
from networks import Net, drawn

from eie_backend.process import foreign
from eie_backend.process.interrupts import LINE


def embedding():
    """Rows of a table, of indices that are data."""
    net = Net((1, 4, 8), np.random.default_rng(2))
    net.add("ReduceSum", net.integers(2), keepdims=0, shape=(1, 4))
    net.add("Cast", to=onnx.TensorProto.INT64)
    net.add("Abs")
    index = net.add("Mod", net.integers(16))
    net.add("Gather", index, first=net.weights(16, 8), shape=(1, 4, 8))
    net.add("ReduceMean", axes=[1], keepdims=0, shape=(1, 8))
    net.dense(5)
    return net.model()


def chosen():
    """Rows of the input, of constant indices."""
    net = Net((1, 4, 8), np.random.default_rng(3))
    net.add("Gather", net.integers(0, 2, 1), axis=1, shape=(1, 3, 8))
    net.add("ReduceMean", axes=[1], keepdims=0, shape=(1, 8))
    net.dense(5)
    return net.model()


MODELS = {
    "chosen": chosen,
    "embedding": embedding,
    **{
        name: lambda seed=seed: drawn(seed, 1)
        for name, seed in {
            "dense": 0,
            "convolution": 1,
            "residual": 3,
            "attention": 4,
            "depthwise": 7,
            "transposed": 9,
            "lstm": 10,
            "gru": 12,
        }.items()
    },
}

NOISE = "THEIRS"
TITLE = foreign.TITLE.decode()

SCRIPT = """
import faulthandler, os, resource, signal, subprocess, sys, threading, warnings
import onnx, tvm.relax.frontend.onnx
from tvm import te, topi
from eie_backend import cli
from eie_backend.cli.console import remark, show
from eie_backend.cli.options import begin, with_shared_options
from eie_backend.cli.streams import listening
from eie_backend.command import main
from eie_backend.errors import ModelError, WorkerError
from eie_backend.process import foreign

resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

def everywhere():
    def both():
        print("THEIRS print")
        print("THEIRS print", file=sys.stderr)
        os.write(1, b"THEIRS 1\\n")
        os.write(2, b"THEIRS 2\\n")
    both()
    thread = threading.Thread(target=both)
    thread.start()
    thread.join()
    print("THEIRS at its start", file=sys.__stdout__, flush=True)
    print("THEIRS at its start", file=sys.__stderr__, flush=True)
    warnings.warn("THEIRS warning")
    subprocess.run("echo THEIRS shell; echo THEIRS shell >&2", shell=True)

def workers():
    from eie_backend.work.workers import completed, working_with
    with working_with("processes", 1, 2) as them:
        assert list(completed(them, os.write, [b"THEIRS worker\\n"]))

def take():
    data, index = te.placeholder((4, 8)), te.placeholder((3,), "int64")
    topi.take(data, index, 0, mode="fast")

def importer():
    helper = onnx.helper
    x, y = (helper.make_tensor_value_info(name, 1, [2, 4]) for name in "xy")
    node = helper.make_node("Concat", ["x", "x"], ["y"], "joined", axis=5)
    opsets = [helper.make_opsetid("", 17)]
    graph = helper.make_graph([node], "g", [x], [y])
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    try:
        tvm.relax.frontend.onnx.from_onnx(model)
    except Exception:
        return
    raise AssertionError

def order():
    relay = foreign._relay.process
    os.kill(relay, signal.SIGSTOP)  # it is slow
    subprocess.Popen(f"sleep 0.1; kill -CONT {relay}", shell=True)
    os.write(2, b"THEIRS first\\n")
    remark("second")
    print("THEIRS third")
    remark("fourth")
    os.write(1, b"THEIRS fifth\\n")

def much():
    for number in range(30_000):
        os.write(2, b"THEIRS number %d\\n" % number)

def abort():
    much()
    os.write(2, b"terminate called\\n")
    os.abort()

def segfault():
    faulthandler.enable()
    faulthandler._sigsegv()

def killed():
    os.write(2, b"THEIRS without an end")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # as a terminal does
        os.kill(foreign._relay.process, number)
    os.kill(os.getpid(), signal.SIGKILL)

def ours():
    os.write(2, b"THEIRS before\\n")
    raise KeyError("a fault")

def of_workers():
    os.write(2, b"THEIRS of a worker\\n")
    raise WorkerError("4 workers ended")

def of_the_user():
    os.write(2, b"THEIRS before\\n")
    raise ModelError("the model is wrong")

def interrupted():
    os.write(2, b"THEIRS before\\n")
    os.kill(os.getpid(), signal.SIGINT)

def without_relay():
    os.kill(foreign._relay.process, signal.SIGKILL)
    os.waitpid(foreign._relay.process, 0)
    print("THEIRS", flush=True)

def terminal():
    assert not any(map(os.isatty, (1, 2)))

def lives_on():
    for_a_minute = "for _ in $(seq 3000); do echo THEIRS; sleep 0.02; done"
    child = subprocess.Popen(for_a_minute, shell=True)
    remark(f"pid {child.pid}")

def noisy(how: str) -> None:
    globals()[how]()
    show({"how": how}, "the result")

cli.app.command("noisy")(with_shared_options(listening(noisy), begin))

# During other commands, something is written at a thousand instants.
keep_out, times = foreign.keep_out, iter(())

def keep_out_and_begin():
    global times
    keep_out()
    times = iter(range(1000 * (sys.argv[1] != "noisy")))

def hook(event, arguments):
    if next(times, None) is not None:
        os.write(1, b"THEIRS\\n")
        os.write(2, b"THEIRS\\n")

foreign.keep_out = keep_out_and_begin
sys.addaudithook(hook)
"""

ALL = ["everywhere", "workers", "take", "importer"]
RESULT = '{\n  "how": "%s",\n  "not_finite": [],\n  "saturated": [],\n  "written": []\n}\n'


BY_DAY = ["machines", "explain mlp.onnx --no-verify"]
WITHOUT_MODEL = {"demo", "doctor", "machines", "reproduce"}
OPTIONS = ("--json", "--quiet", "")


@pytest.fixture(scope="module")
def noisy(tmp_path_factory):
    """Return exit code, standard output and standard error of many a noisy command."""
    lines = [f"{how} {option}" for how in ALL for option in ("--quiet", "--verbose")]
    lines += ["everywhere", "everywhere --json", "everywhere -q -v", "order", "order --verbose"]
    lines += ["much --verbose", "abort", "abort --verbose", "segfault", "killed --quiet"]
    lines += ["ours", "ours --verbose", "of_workers", "of_the_user", "interrupted"]
    lines += ["interrupted --verbose", "without_relay", "lives_on", "lives_on --verbose"]
    folder = tmp_path_factory.mktemp("noisy")
    onnx.save(MODELS["chosen"](), folder / "mlp.onnx")
    given = [f"noisy {line}" for line in lines]
    others = [f"{line} {option}" for line in BY_DAY for option in OPTIONS]
    found = run_all([(line, folder) for line in given + others], SCRIPT)
    return dict(zip(lines + others, found, strict=True))


@pytest.mark.parametrize("how", ALL)
def test_what_others_print_is_kept_out(how, noisy):
    assert noisy[f"{how} --quiet"] == (0, "the result\n", "")


def test_so_it_is_in_json_and_by_default_and_quiet_wins(noisy):
    assert noisy["everywhere"] == (0, "the result\n", "")
    assert noisy["everywhere --json"] == (0, RESULT % "everywhere", "")
    assert noisy["everywhere -q -v"] == (0, "the result\n", "")
    assert noisy["order"] == (0, "the result\n", "second\nfourth\n")


@pytest.mark.parametrize(
    ("how", "shown", "times"),
    [
        ("everywhere", NOISE, 13),
        ("workers", "THEIRS worker", 1),
        ("take", "Fast mode segfaults", 1),
        ("importer", "Error converting operator Concat", 1),
    ],
)
def test_verbose_shows_it_on_standard_error(how, shown, times, noisy):
    code, results, told = noisy[f"{how} --verbose"]
    assert (code, results) == (0, "the result\n")
    assert sum(shown in line and "warn(" not in line for line in told.splitlines()) == times, told
    assert TITLE not in told


def test_verbose_shows_all_of_it_in_order(noisy):
    versions, *told = noisy["order --verbose"][2].splitlines()
    assert versions.startswith("Python ")
    assert told == ["THEIRS first", "second", "THEIRS third", "fourth", "THEIRS fifth"]
    assert noisy["much --verbose"][2].count(NOISE) == 30_000


def test_a_crash_shows_its_message(noisy):
    code, results, told = noisy["abort"]
    assert (code, results) == (-signal.SIGABRT, "")
    title, first, *_, last, message = told.splitlines(keepends=True)
    assert (title, message) == (TITLE, "terminate called\n")
    assert first.startswith("THEIRS number ")  # a whole line
    assert last == "THEIRS number 29999\n"
    assert len(told) < foreign.KEPT_BYTES + 100
    code, _, told = noisy["segfault"]
    assert code == -signal.SIGSEGV
    assert told.startswith(f"{TITLE}Fatal Python error: Segmentation fault")
    assert noisy["killed --quiet"] == (-signal.SIGKILL, "", f"{TITLE}THEIRS without an end\n")


def test_a_crash_after_all_is_shown_shows_it_once(noisy):
    code, _, told = noisy["abort --verbose"]
    assert (code, told.count(NOISE), TITLE in told) == (-signal.SIGABRT, 30_000, False)
    assert told.endswith("\nterminate called\n")


def test_a_fault_of_ours_shows_what_was_printed_before(noisy):
    code, results, told = noisy["ours"]
    assert (code, results) == (1, "")
    assert told.startswith(f"{TITLE}THEIRS before\nTraceback (most recent call last):\n")
    assert told.splitlines()[-1].startswith("eie: error: this is a fault of eie; please report")
    assert TITLE not in noisy["ours --verbose"][2]


def test_an_error_of_workers_shows_what_they_printed(noisy):
    told = f"{TITLE}THEIRS of a worker\neie: error: 4 workers ended\n"
    assert noisy["of_workers"] == (2, "", told)


def test_other_ends_do_not(noisy):
    assert noisy["of_the_user"] == (2, "", "eie: error: the model is wrong\n")
    assert noisy["interrupted"] == (130, "", LINE)
    told = noisy["interrupted --verbose"][2].splitlines(keepends=True)
    assert told[1:] == ["THEIRS before\n", LINE]


def test_a_relay_that_is_killed_is_no_fault(noisy):
    assert noisy["without_relay"] == (0, "the result\n", "")


def test_a_process_that_lives_on_is_not_waited_for(noisy):
    """Even if it goes on to print; its next line ends it."""
    code, _, told = noisy["lives_on"]
    assert (code, NOISE in told) == (0, False)
    assert noisy["lives_on --verbose"][0] == 0
    for line in ("lives_on", "lives_on --verbose"):
        (found,) = (x for x in noisy[line][2].splitlines() if x.startswith("pid "))
        deadline = time.monotonic() + 20
        while is_running(int(found.split()[1])):
            assert time.monotonic() < deadline
            time.sleep(0.01)


def is_running(pid):
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def test_where_processes_cannot_be_forked_nothing_is_kept_out(tmp_path):
    script = (
        "import os\n"
        "del os.fork\n"
        "from eie_backend import cli\n"
        "cli.check_versions = lambda: print('THEIRS')\n"
        "import sys\n"
        "sys.argv = ['eie', 'machines', '--quiet']\n"
        "from eie_backend.command import main\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("THEIRS\nMachines")


# Every command, on models of ten kinds


def check(name, with_json, quiet, usual):
    """Check what a command printed with --json, with --quiet and with neither."""
    assert [one[0] for one in (with_json, quiet, usual)] == [0, 0, 0], (name, usual)
    told = with_json[2].splitlines()
    written = json.loads(with_json[1])["written"]
    files = [line for line in told if not line.startswith("eie: ")]
    assert files == [f"wrote {path}" for path in written], name
    assert usual[2] == with_json[2], name
    assert quiet[2] == "", name
    assert NOISE not in quiet[1], name
    if name not in ("demo", "doctor"):  # they tell times
        assert quiet[1] == usual[1], name


@pytest.mark.parametrize("line", BY_DAY)
def test_json_and_quiet_of_some_commands(line, noisy):
    check(line, *(noisy[f"{line} {option}"] for option in OPTIONS))


@pytest.mark.nightly
@pytest.mark.parametrize("kind", MODELS)
def test_json_and_quiet_of_every_command(kind, tmp_path):
    model = MODELS[kind]()
    shape = [size.dim_value for size in model.graph.input[0].type.tensor_type.shape.dim]
    x = np.random.default_rng(1).normal(size=(4, *shape[1:])).astype(np.float32)
    (tmp_path / "files").mkdir()
    prepare(tmp_path / "files", model, x)
    first = kind == next(iter(MODELS))
    commands = {name: x for name, x in COMMANDS.items() if first or name not in WITHOUT_MODEL}
    lines = []
    for option in OPTIONS:
        folder = tmp_path / f"with{option}"
        folder.mkdir()
        for path in (tmp_path / "files").iterdir():
            (folder / path.name).symlink_to(path)
        lines += [(f"{line} {option}", folder) for line in commands.values()]
    found, number = run_all(lines, SCRIPT), len(commands)
    parts = (found[start : start + number] for start in (0, number, 2 * number))
    for name, *of_three in zip(commands, *parts, strict=True):
        check(name, *of_three)
