"""A database whose bits flipped: its outcomes are refused, and the trial is named."""

import random
import sqlite3
from dataclasses import replace

import optuna
import pytest

from eie_backend.config import HardwareConfig
from eie_backend.errors import StudyError
from eie_backend.recipe import Recipe
from eie_backend.simulator.saturation import Saturated
from eie_backend.sweep import Design, Outcome, Study, sqlite_url
from eie_backend.sweep.sealed import (
    CHECKSUM,
    DESIGN,
    ERROR,
    SATURATED,
    SEALED,
    sealed,
    unsealed,
    values,
)

GOOD, BAD = Outcome(0.1 + 0.2, 1 / 3, 1e-9, 7.0), Outcome(error="too small: näh\n")


LOST = replace(GOOD, saturated=(Saturated("fc1", 1, 0, 2, 30), Saturated("fc2", 0, 4, 0, 5)))


def design(num_pe):
    return Design("small", HardwareConfig(num_pe=num_pe), Recipe(density=0.5))


def test_an_outcome_comes_back():
    for outcome in (GOOD, BAD, LOST):
        assert unsealed(sealed("key", outcome), values(outcome), True) == ("key", outcome)


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("bit", range(0, 64, 7))
def test_every_bit_of_every_value_counts(number, bit):
    import struct

    changed = values(GOOD)
    (word,) = struct.unpack("<Q", struct.pack("<d", changed[number]))
    (changed[number],) = struct.unpack("<d", struct.pack("<Q", word ^ (1 << bit)))
    with pytest.raises(ValueError, match="its checksum is that of other values"):
        unsealed(sealed("key", GOOD), changed, True)


@pytest.mark.parametrize(
    ("changes", "numbers", "message"),
    [
        ({DESIGN: "kez"}, values(GOOD), "its checksum is that of other values"),
        ({DESIGN: None}, values(GOOD), "its design is missing"),
        ({ERROR: "impossible"}, None, "its checksum is that of other values"),
        ({ERROR: 1.5}, values(GOOD), "its design is missing"),
        ({CHECKSUM: "0" * 64}, values(GOOD), "its checksum is that of other values"),
        ({}, None, "values are missing"),
        ({}, values(GOOD)[:3], "values are missing"),
        ({}, [*values(GOOD), 1.0], "values are missing"),
        ({}, values(GOOD)[::-1], "its checksum is that of other values"),
    ],
)
def test_what_was_not_stored_is_refused(changes, numbers, message):
    for is_sealed in (True, False):
        if is_sealed or changes.get(DESIGN, "") is not None:
            with pytest.raises(ValueError, match=message):
                unsealed(sealed("key", GOOD) | changes, numbers, is_sealed)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (sealed("key", LOST)[SATURATED].replace("30", "31"), "its checksum is that of other"),
        ("[]", "its checksum is that of other"),
        (None, "its design is missing"),
        ("no JSON", "its saturated layers are no rows"),
        ('[["fc1", 1]]', "its saturated layers are no rows"),
        ('[["fc1", 1, 0, 2, Infinity]]', "its saturated layers are no rows"),
        ("7", "its saturated layers are no rows"),
    ],
)
def test_saturated_layers_are_those_that_were_stored(text, message):
    with pytest.raises(ValueError, match=message):
        unsealed(sealed("key", LOST) | {SATURATED: text}, values(LOST), True)


def test_an_older_study_has_no_checksums():
    """Its trials are read; in a study that has them, one without is damaged."""
    attributes = sealed("key", GOOD)
    del attributes[CHECKSUM]
    assert unsealed(attributes, values(GOOD), False) == ("key", GOOD)
    assert unsealed({"other": 1}, [0.5], False) is None
    with pytest.raises(ValueError, match="its checksum is missing"):
        unsealed(attributes, values(GOOD), True)


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """Return a database of eight trials as bytes, and their outcomes."""
    path = tmp_path_factory.mktemp("database") / "study.db"
    with Study(sqlite_url(path), "one") as study:
        for n in range(1, 9):
            outcome = Outcome(n / 9, 100 / n, 1 / n, 2.0) if n % 4 else BAD
            study.add(design(n), outcome, [("hardware", "num_pe")])
        return path.read_bytes(), study.outcomes()


@pytest.fixture
def changed(database, tmp_path):
    """Return a function that changes a copy of the database by SQL, and returns its path."""

    def change(*statements):
        path = tmp_path / "study.db"
        path.write_bytes(database[0])
        with sqlite3.connect(path) as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()
        return path

    return change


def outcomes(path):
    with Study(sqlite_url(path), "one") as study:
        return study.outcomes()


ATTRIBUTE = "UPDATE trial_user_attributes SET {} WHERE trial_id = 3 AND key = '{}'"
DAMAGES = {
    "value": "UPDATE trial_values SET value = value * (1 + 1e-15) WHERE trial_id = 3",
    "no value": "DELETE FROM trial_values WHERE trial_id = 3 AND objective = 2",
    "values of another trial": "UPDATE trial_values SET trial_id = 4 WHERE trial_id = 3",
    "an infinity": "UPDATE trial_values SET value_type = 'INF_NEG' WHERE trial_id = 3",
    "kind of value": "UPDATE trial_values SET value_type = 'FINITD' WHERE trial_id = 3",
    "design": ATTRIBUTE.format("value_json = replace(value_json, '64', '65')", DESIGN),
    "name of the design": ATTRIBUTE.format("key = 'desigo'", DESIGN),
    "name of the checksum": ATTRIBUTE.format("key = 'sha257'", CHECKSUM),
    "checksum": ATTRIBUTE.format("value_json = replace(value_json, 'a', 'b')", CHECKSUM),
    "no JSON": ATTRIBUTE.format("value_json = substr(value_json, 2)", DESIGN),
    "no text": ATTRIBUTE.format("value_json = CAST(x'22ff22' AS TEXT)", DESIGN),
    "state": "UPDATE trials SET state = 'COMPLEUE' WHERE trial_id = 3",
    "date": "UPDATE trials SET datetime_start = '2O26' WHERE trial_id = 3",
    "parameter": "UPDATE trial_params SET distribution_json = '{}' WHERE trial_id = 3",
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_trial_is_named(name, changed):
    path = changed(DAMAGES[name])
    with pytest.raises(StudyError) as caught:
        outcomes(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and message.count("\n") == 0
    if name != "no text":  # of which SQLite quotes the column and the text
        assert "trial 2 is damaged" in message
        assert "; take a copy of the database from before, or " in message


def test_other_tables_are_refused_too(changed):
    for statement in (
        "UPDATE study_directions SET direction = 'MAXIMIZF'",
        "UPDATE study_user_attributes SET value_json = 'truf'",
    ):
        with pytest.raises(StudyError, match=r"study\.db: cannot be read: a table is damaged"):
            outcomes(changed(statement))


def test_a_damaged_trial_can_be_measured_again(changed, database):
    """As docs/sweep.md says: it counts no more, and its design is added anew."""
    again = "UPDATE trials SET state = 'WAITING' WHERE number = 2"
    path = changed(DAMAGES["value"], again)
    known = outcomes(path)
    assert known == {key: one for key, one in database[1].items() if key != design(3).key}
    with Study(sqlite_url(path), "one") as study:
        study.add(design(3), database[1][design(3).key], [("hardware", "num_pe")])
    assert outcomes(path) == database[1]


def test_a_database_from_before_checksums_goes_on(changed, database):
    """Its trials are read as they are, new ones have a checksum, which is looked at."""
    remove = "DELETE FROM {} WHERE key = '{}'"
    tables = {"trial_user_attributes": CHECKSUM, "study_user_attributes": SEALED}
    path = changed(*(remove.format(*names) for names in tables.items()))
    assert outcomes(path) == database[1]
    with Study(sqlite_url(path), "one") as study:
        study.add(design(9), GOOD, ())
    assert outcomes(path) == database[1] | {design(9).key: GOOD}
    (*_, new) = optuna.load_study(study_name="one", storage=sqlite_url(path)).trials
    assert CHECKSUM in new.user_attrs
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE trial_values SET value = 1 WHERE trial_id = 9")
    connection.close()
    with pytest.raises(StudyError, match="trial 8 is damaged: its checksum is that of other"):
        outcomes(path)


def flipped(data, seed, path):
    """Write data with one bit flipped, mostly of a byte that is used; return what was read."""
    draw = random.Random(seed)
    at = draw.randrange(len(data))
    while seed % 8 and not data[at]:
        at = draw.randrange(len(data))
    path.write_bytes(data[:at] + bytes([data[at] ^ 1 << draw.randrange(8)]) + data[at + 1 :])
    try:
        return outcomes(path)
    except StudyError:
        return {}


@pytest.mark.parametrize(
    "flips", [8, pytest.param(800, marks=pytest.mark.nightly)], ids=["few", "many"]
)
def test_no_flipped_bit_passes_for_an_outcome(flips, database, tmp_path):
    """Anywhere in the file: refused, or a design is measured again; never another outcome."""
    data, known = database
    for seed in range(flips):
        found = flipped(data, seed, tmp_path / "study.db")
        assert found.items() <= known.items(), f"seed {seed}"
