"""Threads, processes and lost workers; tests/sweep/test_dask.py has the cluster."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from calls import add, die, die_once, fail, wait_long, who
from servers import SECONDS, wait_until

from eie_backend.errors import WorkerError
from eie_backend.work.workers import completed, working_with


@pytest.mark.parametrize("scheduler", ["threads", "processes"])
def test_every_item_has_its_result(scheduler):
    with working_with(scheduler, 2, {"add": 10}) as workers:
        assert workers.count == 2
        assert dict(completed(workers, add, range(20))) == {n: 10 + n for n in range(20)}
        assert dict(completed(workers, add, [])) == {}


def test_what_is_shared_is_sent_once_to_each_process():
    with working_with("processes", 2, {"add": 1}) as workers:
        found = {result for _, result in completed(workers, who, range(30))}
    assert 1 <= len(found) <= 2
    assert os.getpid() not in {pid for pid, _ in found}


def test_only_a_few_items_are_taken_ahead():
    taken = []

    def items():
        for number in range(100):
            taken.append(number)
            yield number

    with working_with("threads", 2, {"add": 0}) as workers:
        for done, _ in enumerate(completed(workers, add, items())):
            assert len(taken) <= done + 1 + 2 * workers.count


def test_a_killed_process_is_replaced(tmp_path):
    with working_with("processes", 2, str(tmp_path / "died")) as workers:
        assert dict(completed(workers, die_once, range(8))) == {n: n for n in range(8)}
    assert (tmp_path / "died").exists()


class DeadUntilReplaced(ThreadPoolExecutor):
    """Workers of which one dies just before the next call is submitted."""

    lost, count = (BrokenExecutor,), 2

    def __init__(self):
        super().__init__(2)
        self.alive = self.dying = True

    def submit(self, call, item):
        if self.dying and item == 2:
            self.alive = self.dying = False
        if not self.alive:
            raise BrokenExecutor
        return super().submit(call, item)

    def replace(self):
        self.alive = True


def test_a_death_that_is_noticed_when_submitting():
    with DeadUntilReplaced() as workers:
        assert dict(completed(workers, abs, range(8))) == {n: n for n in range(8)}


def test_work_that_cannot_be_submitted_is_given_up():
    with DeadUntilReplaced() as workers:
        workers.replace = lambda: None
        with pytest.raises(WorkerError, match="4 workers ended in a row"):
            list(completed(workers, abs, [2]))


def test_work_that_kills_every_process_is_given_up():
    with working_with("processes", 1, None) as workers:
        with pytest.raises(WorkerError, match="4 workers ended in a row"):
            list(completed(workers, die, range(3)))


def test_what_runs_ends_with_the_work():
    with working_with("processes", 1, None) as workers:
        running = workers.submit(wait_long, 0)
        while not running.running():
            time.sleep(0.01)
    with pytest.raises(BrokenExecutor):
        running.result(timeout=SECONDS)


@pytest.mark.parametrize("scheduler", ["threads", "processes"])
def test_an_error_of_the_call_comes_through(scheduler):
    with working_with(scheduler, 1, None) as workers:
        with pytest.raises(ValueError, match="no"):
            list(completed(workers, fail, [1]))


PARENT = """
import sys, time
sys.path.insert(0, {here!r})
from calls import who
from eie_backend.work.workers import completed, working_with
if __name__ == "__main__":
    with working_with("processes", 2, None) as workers:
        for item, (pid, _) in completed(workers, who, range(1000000)):
            print(pid, flush=True)
"""


def test_processes_end_with_the_one_that_started_them(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT.format(here=str(Path(__file__).parents[1] / "sweep")))
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    try:
        wait_until(lambda: _state(child) == "Z")
    except AssertionError:
        os.kill(child, signal.SIGKILL)
        raise


WRITING = """
import sys
sys.path.insert(0, {here!r})
from calls import begin_a_file
from eie_backend.work.workers import completed, working_with
if __name__ == "__main__":
    with working_with("processes", 2, {folder!r}) as workers:
        list(completed(workers, begin_a_file, range(2)))
"""


def test_what_they_have_begun_is_removed(tmp_path):
    script, folder = tmp_path / "parent.py", tmp_path / "files"
    folder.mkdir()
    here = str(Path(__file__).parents[1] / "sweep")
    script.write_text(WRITING.format(here=here, folder=str(folder)))
    parent = subprocess.Popen([sys.executable, str(script)], start_new_session=True)
    try:
        wait_until(lambda: len(list(folder.glob("*/8"))) == 2)
        parent.kill()
        parent.wait()
        wait_until(lambda: not list(folder.iterdir()))
    finally:
        with suppress(ProcessLookupError):
            os.killpg(parent.pid, signal.SIGKILL)


def _state(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2]
    except (FileNotFoundError, ProcessLookupError):
        return "Z"


@pytest.mark.parametrize(
    ("scheduler", "count", "says"),
    [
        ("cluster", None, "scheduler 'cluster' is unknown; give processes"),
        ("threads", 0, "workers = 0; give at least 1"),
        ("tcp://127.0.0.1:1", 2, "tcp://127.0.0.1:1 has its own"),
    ],
)
def test_refuses_what_cannot_work(scheduler, count, says):
    with pytest.raises(WorkerError, match=says), working_with(scheduler, count, None):
        pass
