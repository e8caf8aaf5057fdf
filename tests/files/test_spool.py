"""Spooled tensors keep their values, whoever lets their pages go."""

import errno
import os
import re
from pathlib import Path

import numpy as np
import pytest

from eie_backend.files import spool


def mapped_kb(tensor):
    """Return how much of a tensor's values is in memory."""
    address = np.from_dlpack(tensor).ctypes.data
    text = Path("/proc/self/smaps").read_text("utf-8")
    entry = re.search(rf"^{address:x}-.*?^Rss: +(\d+) kB", text, re.DOTALL | re.MULTILINE)
    return int(entry[1])


def test_values_come_back_after_a_release():
    values = np.random.default_rng(0).normal(size=(700, 1000)).astype(np.float32)
    tensor = spool.spooled_tensor(values.T)
    view = np.from_dlpack(tensor)
    assert mapped_kb(tensor) == 0
    np.testing.assert_array_equal(view, values.T)
    assert mapped_kb(tensor) > 2000
    spool.release(view.T)
    assert mapped_kb(tensor) == 0
    np.testing.assert_array_equal(view, values.T)


def test_a_write_is_kept():
    tensor = spool.spooled_tensor(np.zeros((300, 1000), np.float32))
    view = np.from_dlpack(tensor)
    view[7] = 5
    spool.release(view)
    assert view[7].tolist() == [5] * 1000


def test_other_arrays_are_left_alone():
    values = np.ones(5)
    spool.release(values)
    assert values.tolist() == [1] * 5


def test_the_file_goes_with_the_tensor():
    before = set(spool._mappings)
    tensor = spool.spooled_tensor(np.zeros((300, 1000), np.float32))
    view = np.from_dlpack(tensor)
    del tensor
    assert len(spool._mappings) == len(before) + 1
    del view
    assert set(spool._mappings) == before


def test_a_full_disk_is_an_error_and_not_a_signal(monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space left on device"):
        spool.spooled_tensor(np.zeros((300, 1000), np.float32))
