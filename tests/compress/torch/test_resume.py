"""A run that was interrupted ends as one that was not: the same bits, the same record."""

import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.torch
pytest.importorskip("torch", reason="needs the extra `torch`")

import retraining_task as task  # noqa: E402
import torch  # noqa: E402

from eie_backend import Recipe  # noqa: E402
from eie_backend.compress.torch import Training  # noqa: E402
from eie_backend.compress.torch.checkpoint import NAME  # noqa: E402
from eie_backend.errors import CheckpointError  # noqa: E402

BATCHES = task.SAMPLES // task.BATCH
EPOCHS = 6


class Killed(BaseException):
    """Nobody catches it."""


def kill():
    raise Killed


def interrupted_at(batch):
    """Return a loss that is killed in a batch."""
    return task.loss_with(kill, batch)


@pytest.fixture(scope="module")
def whole():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield task.fingerprint(task.call())
    torch.set_num_threads(threads)


def test_the_same_call_gives_the_same_bits(whole):
    assert task.fingerprint(task.call()) == whole
    assert task.fingerprint(task.call(seed=1)) != whole


def test_checkpoints_and_evaluation_change_nothing(whole, tmp_path):
    assert task.fingerprint(task.call(checkpoints=tmp_path)) == whole
    assert task.fingerprint(task.call(evaluate=None))[0] == whole[0]


@pytest.mark.parametrize("batch", range(1, BATCHES * EPOCHS + 1, 3))
def test_interrupted_in_a_batch(whole, tmp_path, batch):
    with pytest.raises(Killed):
        task.call(checkpoints=tmp_path, loss=interrupted_at(batch))
    assert task.fingerprint(task.call(checkpoints=tmp_path)) == whole


@pytest.mark.parametrize(
    "changes",
    [
        {"loader": False},
        {"training": Training(regrow=True, prune_every=3, prune_epochs=2, share_epochs=2)},
    ],
    ids=["global generator", "regrow"],
)
def test_interrupted_again_and_again(tmp_path, changes):
    def call(**more):
        loader = task.make_loader(own_generator="loader" not in changes)
        return task.call(**{**changes, "loader": loader, **more})

    expected = task.fingerprint(call())
    for _ in range(EPOCHS - 1):  # each time in the middle of the epoch after the last checkpoint
        with pytest.raises(Killed):
            call(checkpoints=tmp_path, loss=interrupted_at(BATCHES + 2))
    assert task.fingerprint(call(checkpoints=tmp_path)) == expected


def test_interrupted_while_a_checkpoint_is_written(whole, tmp_path, monkeypatch):
    """Whether the new file has its name already or not."""
    replace = Path.replace
    count = iter(range(100))

    def killed(path, target):
        number = next(count)
        if number == 5:
            replace(path, target)
        if number in (3, 5):
            raise Killed
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", killed)
    for _ in range(2):
        with pytest.raises(Killed):
            task.call(checkpoints=tmp_path)
    assert task.fingerprint(task.call(checkpoints=tmp_path)) == whole


@pytest.mark.parametrize("batch", [BATCHES + 2, 4 * BATCHES])
def test_killed_by_a_signal(whole, tmp_path, batch):
    command = [sys.executable, task.__file__, tmp_path, str(batch)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert (tmp_path / NAME).exists()
    assert task.fingerprint(task.call(checkpoints=tmp_path)) == whole


def test_the_disk_is_full_for_a_while(whole, tmp_path):
    """The first checkpoint has room, that with the optimizer's state has not."""
    with pytest.raises(Killed):
        task.call(checkpoints=tmp_path, loss=interrupted_at(1))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = (tmp_path / NAME).stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 1000, limits[1]))
    try:
        with pytest.raises(CheckpointError, match=r"still holds the state before: make room and"):
            task.call(checkpoints=tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert task.fingerprint(task.call(checkpoints=tmp_path)) == whole


def test_a_finished_run_is_not_repeated(whole, tmp_path):
    task.call(checkpoints=tmp_path)

    def never(model, batch):
        raise AssertionError

    before = (tmp_path / NAME).stat()
    assert task.fingerprint(task.call(checkpoints=tmp_path, loss=never)) == whole
    assert (tmp_path / NAME).stat() == before  # nor written again


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    with pytest.raises(Killed):
        task.call(checkpoints=tmp_path, loss=interrupted_at(2))
    before = (tmp_path / NAME).read_bytes()
    others = {
        "recipe": {"recipe": Recipe()},
        "model": {"model": task.make_net(seed=5)},
        "seed": {"seed": 7},
        "training": {"training": Training()},
        "optimizer": {"optimizer": torch.optim.SGD},
    }
    for name, change in others.items():
        message = rf"^{tmp_path}: the checkpoint is of a run with another {name}"
        with pytest.raises(CheckpointError, match=message):
            task.call(checkpoints=tmp_path, **change)
    with pytest.raises(CheckpointError, match=r"another seed \(0 there, 7 here\); give another"):
        task.call(checkpoints=tmp_path, seed=7)
    assert (tmp_path / NAME).read_bytes() == before
