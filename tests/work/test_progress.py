"""Long work tells how far it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import eie_backend as eie
from eie_backend.work.progress import watched, watching


@given(st.lists(st.integers(0, 9)))
def test_all_items_come_and_all_work_is_told(sizes):
    told = []
    with watching(lambda *what: told.append(what)):
        assert list(watched("reading", sizes, int)) == sizes
    expected = [("reading", sum(sizes[:n]), sum(sizes)) for n in range(len(sizes) + 1)]
    assert told == expected


def test_nobody_need_watch():
    assert list(watched("reading", "abc", len)) == ["a", "b", "c"]


def test_an_error_ends_the_watch():
    told = []
    with pytest.raises(ValueError, match="no"), watching(lambda *what: told.append(what)):
        raise ValueError("no")
    list(watched("reading", "abc", len))
    assert not told


def test_a_compilation_tells_its_parts(make_mlp):
    told = []
    with watching(lambda *what: told.append(what)):
        eie.compile(eie.from_onnx(make_mlp(24, 16, 10)), recipe=eie.Recipe(density=0.5))
    parts = list(dict.fromkeys(what for what, _, _ in told))
    assert parts == ["pruning", "sharing weights", "encoding"]
    total = 24 * 16 + 16 * 10
    for part in parts[:2]:
        assert [row[1:] for row in told if row[0] == part][:3] == [
            (0, total),
            (24 * 16, total),
            (total, total),
        ]
