import os
from threading import Thread

import optuna
import pytest

from eie_backend.config import HardwareConfig
from eie_backend.errors import EieError, ExtraError, StudyError
from eie_backend.recipe import Recipe
from eie_backend.sweep import Design, Outcome, sqlite_url


def design(num_pe=4, **recipe):
    return Design("small", HardwareConfig(num_pe=num_pe), Recipe(**recipe))


def test_keeps_outcomes_for_the_next_run(tmp_path, open_study):
    url = sqlite_url(tmp_path / "study.db")
    good, bad = Outcome(0.1 + 0.2, 1 / 3, 1e-9, 7.0), Outcome(error="too small: näh\n")
    study = open_study("one", url)
    study.add(design(4, density={"fc*": 0.25}, method="balanced"), good, ())
    study.add(design(8), bad, ())
    kept = {design(4, density={"fc*": 0.25}, method="balanced").key: good, design(8).key: bad}
    assert study.outcomes() == open_study("one", url).outcomes() == kept
    assert open_study("two", url).outcomes() == {}


def test_is_an_ordinary_study_of_optunas(tmp_path, open_study):
    url = sqlite_url(tmp_path / "study.db")
    varied = [("model",), ("hardware", "num_pe"), ("recipe", "density")]
    study = open_study("one", url)
    study.add(design(16, density=0.5), Outcome(0.9, 10.0, 2.0, 3.0), varied)
    (trial,) = optuna.load_study(study_name="one", storage=url).trials
    assert trial.values == [0.9, 10.0, 2.0, 3.0]
    assert trial.params == {"num_pe": 16, "density": 0.5}


def test_of_equal_designs_the_first_counts(open_study):
    study = open_study()
    for accuracy in (0.5, 0.6):
        study.add(design(), Outcome(accuracy, 1.0, 1.0, 1.0), ())
    assert study.outcomes()[design().key].accuracy == 0.5


def test_several_may_write(tmp_path, open_study):
    url = sqlite_url(tmp_path / "study.db")
    open_study("one", url)

    def write(first):
        study = open_study("one", url)
        for number in range(first, first + 10):
            study.add(design(number), Outcome(0.5, float(number), 1.0, 1.0), ())

    threads = [Thread(target=write, args=(first,)) for first in (1, 11, 21)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(o.cycles for o in open_study("one", url).outcomes().values()) == list(
        range(1, 31)
    )


def test_refuses_another_study(tmp_path, open_study):
    url = sqlite_url(tmp_path / "study.db")
    optuna.create_study(study_name="one", storage=url)
    with pytest.raises(StudyError, match="was not made by eie; name another"):
        open_study("one", url)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense", "the database's URL: cannot be opened: not a database URL"),
        ("sqlite:////nowhere/at/all/study.db", "/nowhere/at/all/study.db: cannot be opened"),
        pytest.param(
            "postgresql+psycopg://me:secret@127.0.0.1:1/x",
            "me:***@127.0.0.1:1/x: cannot be opened",
            marks=pytest.mark.interop,
        ),
        ("oracle://me:secret@127.0.0.1/x", "its driver .* is not installed"),
        ("sqlite:///study.db?timeout=secret", "study.db: cannot be opened"),
        ("sqlite:///study.db?check_same_thread=banana", "study.db: cannot be opened"),
        ("x://me:secret@host:port/x", "the database's URL: cannot be opened"),
        ("://", "the database's URL: cannot be opened: not a database URL"),
    ],
)
def test_says_which_database_but_no_password(open_study, url, says):
    if "psycopg" in url:
        pytest.importorskip("psycopg", reason="needs the extra `interop`")
    with pytest.raises(EieError, match=says.replace("*", "\\*") if "***" in says else says) as e:
        open_study("one", url)
    assert isinstance(e.value, StudyError | ExtraError)
    assert "secret" not in str(e.value)


def test_a_damaged_file_is_an_error(tmp_path, open_study):
    path = tmp_path / "study.db"
    path.write_bytes(os.urandom(5000))
    with pytest.raises(StudyError, match=r"study\.db: cannot be opened: file is not a database"):
        open_study("one", sqlite_url(path))
