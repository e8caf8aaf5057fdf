"""Checkpoints are whole or absent, and nothing but data."""

import os
import resource

import pytest

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch", reason="needs the extra `torch`")

from eie_backend.compress.torch.checkpoint import (  # noqa: E402
    NAME,
    load_checkpoint,
    save_checkpoint,
)
from eie_backend.errors import CheckpointError  # noqa: E402

STATE = {"weights": torch.arange(1000.0), "steps": [{"name": "start", "accuracy": None}]}


def test_it_comes_back(tmp_path):
    folder = tmp_path / "a" / "b"
    assert load_checkpoint(folder) is None
    save_checkpoint(folder, STATE)
    loaded = load_checkpoint(folder)
    assert torch.equal(loaded.pop("weights"), STATE["weights"])
    assert loaded == {"steps": STATE["steps"]}
    assert [path.name for path in folder.iterdir()] == [NAME]


def test_any_flipped_bit_is_noticed(tmp_path):
    save_checkpoint(tmp_path, STATE)
    path = tmp_path / NAME
    whole = path.read_bytes()
    for position in range(0, len(whole), 97):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match=rf"^{path}: (damaged|no checkpoint of this ver)"):
            load_checkpoint(tmp_path)
    for length in range(0, len(whole), 501):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match=rf"^{path}: (damaged|no checkpoint of this ver)"):
            load_checkpoint(tmp_path)


class Evil:
    def __reduce__(self):
        return os.system, ("true",)


def test_code_is_not_written(tmp_path):
    with pytest.raises(CheckpointError, match=r"holds posix\.system, which cannot be loaded"):
        save_checkpoint(tmp_path, {"optimizer": Evil()})
    assert load_checkpoint(tmp_path) is None


def test_code_is_not_run(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "eie_backend.compress.torch.checkpoint.get_unsafe_globals_in_checkpoint", lambda _file: []
    )
    save_checkpoint(tmp_path, {"optimizer": Evil()})
    with pytest.raises(CheckpointError, match=r"retrain.checkpoint: cannot be loaded: "):
        load_checkpoint(tmp_path)


def test_a_full_disk(tmp_path):
    """The message says what to do, and the checkpoint before is still whole."""
    save_checkpoint(tmp_path, STATE)
    before = (tmp_path / NAME).read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(CheckpointError) as caught:
            save_checkpoint(tmp_path, {"weights": torch.zeros(100_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    message = str(caught.value)
    path = tmp_path / NAME
    assert message.startswith(f"{path}: cannot be written: File too large; it needs 40")
    assert message.endswith(
        f"bytes beside the one before; {path} still holds the state before: make room and call "
        "retrain again as before"
    )
    assert [file.name for file in tmp_path.iterdir()] == [NAME]
    assert path.read_bytes() == before


def test_a_folder_that_is_none(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match=r"cannot be written: .*nothing was kept: make room"):
        save_checkpoint(tmp_path / "file", STATE)
