"""Laws of values and results, and of the files that they are written to."""

import csv
import io
import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eie_backend.reproduce.result import Published, Result, Value
from eie_backend.reproduce.write import COLUMNS, as_csv, as_json, summary

NUMBERS = st.floats(-1e12, 1e12)
POSITIVE = st.floats(1e-6, 1e6)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]))  # in one line
VALUES = st.one_of(
    st.builds(Value, TEXTS, TEXTS, TEXTS, NUMBERS, st.none() | NUMBERS),
    st.builds(Value, TEXTS, TEXTS, TEXTS, NUMBERS, POSITIVE, POSITIVE, TEXTS.filter(bool)),
)
RESULTS = st.builds(
    Result,
    TEXTS,
    TEXTS,
    st.lists(VALUES, max_size=5).map(tuple),
    st.lists(TEXTS, max_size=3).map(tuple),
    st.lists(st.builds(Published, TEXTS, TEXTS, TEXTS, NUMBERS), max_size=3).map(tuple),
)


@pytest.mark.parametrize(("paper", "reason"), [(None, "because"), (1.0, "")])
def test_a_tolerance_needs_a_papers_value_and_a_reason(paper, reason):
    with pytest.raises(ValueError, match="Alex-6, time: a tolerance needs"):
        Value("Alex-6", "time", "us", 1.0, paper, 0.1, reason)


@given(POSITIVE, st.floats(0, 1), st.floats(1.001, 2))
def test_the_limit_itself_holds_and_beyond_it_nothing_does(paper, tolerance, factor):
    for sign in (-1, 1):
        at = Value("a", "b", "", paper * (1 + sign * tolerance), paper, tolerance, "because")
        assert at.holds
        beyond = replace(at, ours=paper * (1 + sign * (tolerance * factor + 0.001)))
        assert not beyond.holds
        assert Result("key", "title", (at, beyond)).failures == [beyond]


@given(POSITIVE, POSITIVE, st.floats(1e-3, 1e3))
def test_a_difference_does_not_depend_on_the_unit(ours, paper, unit):
    one, other = Value("a", "b", "", ours, paper), Value("a", "b", "", ours * unit, paper * unit)
    assert other.difference == pytest.approx(one.difference, rel=1e-9, abs=1e-9)
    assert Value("a", "b", "", paper, paper).difference == 0


def test_without_a_tolerance_everything_holds():
    assert Value("a", "b", "", 5.0, 1.0).holds
    assert Value("a", "b", "", 5.0).difference is None
    assert Result("key", "title", (Value("a", "b", "", 5.0, 1.0),)).asserted == []


def test_a_published_zero_is_met_by_zero_alone():
    assert Value("a", "b", "", 0.0, 0.0, 0.0, "because").holds
    assert not Value("a", "b", "", 1e-9, 0.0, 0.1, "because").holds


@pytest.mark.parametrize("number", [np.float32(0.5), np.float64(0.5), np.int64(3)])
def test_numbers_of_numpy_become_floats(number):
    value = Value("a", "b", "", number, number)
    assert (type(value.ours), type(value.paper)) == (float, float)
    assert json.loads(as_json(Result("k", "t", (value,))))["values"][0]["ours"] == number


@given(RESULTS)
def test_json_loses_nothing(result):
    read = json.loads(as_json(result))
    values = [{field: v[field] for field in asdict(one)} for v, one in zip_of(read, result)]
    assert values == [asdict(value) for value in result.values]
    assert [v["holds"] for v in read["values"]] == [v.holds for v in result.values]
    assert [Published(**one) for one in read["published"]] == list(result.context)
    assert (read["key"], read["title"], tuple(read["notes"])) == (
        result.key,
        result.title,
        result.notes,
    )


def zip_of(read, result):
    return zip(read["values"], result.values, strict=True)


@given(RESULTS)
def test_csv_loses_no_value(result):
    rows = list(csv.DictReader(io.StringIO(as_csv(result), newline="")))
    written = [*result.values, *result.context]
    assert len(rows) == len(written)
    for row, one in zip(rows, written, strict=True):
        for column in COLUMNS:
            found = getattr(one, column, None)
            assert row[column] == ("" if found is None else str(found))


@given(st.lists(RESULTS, max_size=3, unique_by=lambda result: result.key))
def test_the_summary_has_every_asserted_value(results):
    read = json.loads(summary(results, "layers"))
    assert read["layers"] == "layers"
    assert list(read["results"]) == [result.key for result in results]
    for result in results:
        one = read["results"][result.key]
        assert len(one["asserted"]) == len(result.asserted)
        assert one["out_of_tolerance"] == len(result.failures)
        assert [v["ours"] for v in one["asserted"]] == [v.ours for v in result.asserted]
