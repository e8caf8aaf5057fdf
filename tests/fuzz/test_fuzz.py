"""A short run for each kind of file; ``benchmarks/fuzz.py`` is the long one."""

from importlib import import_module

import pytest
from driver import LIMIT_SECONDS, Kind, fuzz

from eie_backend.errors import EieError

RUNS = {
    "containers": 300,
    "datasets": 300,
    "flips": 300,
    "images": 300,
    "libraries": 300,
    "models": 200,
    "programs": 100,
    "recipes": 300,
    "sweeps": 300,
    "tables": 200,
}


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", RUNS)
def test_any_file_is_read_or_refused(name):
    kind = import_module(name).KIND
    outcome = fuzz(kind, RUNS[name], seed=1)
    assert outcome.findings == {}
    assert 0 < outcome.accepted < outcome.mutations
    assert outcome.slowest_seconds < LIMIT_SECONDS
    assert outcome.memory_multiple <= kind.multiple


def test_a_fault_of_the_reader_is_found():
    """Of each fault one file is kept; an EieError is none."""

    def read(data):
        if data == b"hard":
            raise EieError("refused")
        if data == b"bad!":
            raise IndexError

    files = [b"hard", b"bad!", b"good"]
    kind = Kind("own", lambda: files, lambda random, _: random.choice(files), read, 1)
    outcome = fuzz(kind, 50, seed=0)
    (fault,) = outcome.findings
    assert fault.startswith("IndexError at test_fuzz.py:")
    assert outcome.findings[fault] == b"bad!"
    assert 0 < outcome.accepted < 50
