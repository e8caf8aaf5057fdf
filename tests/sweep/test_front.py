import math

import optuna
from hypothesis import given
from hypothesis import strategies as st

from eie_backend.sweep.bench import Outcome
from eie_backend.sweep.front import front
from eie_backend.sweep.study import DIRECTIONS

VALUES = st.integers(0, 4).map(float)


@given(st.lists(st.tuples(VALUES, VALUES, VALUES, VALUES), max_size=30))
def test_is_optunas(rows):
    study = optuna.create_study(directions=list(DIRECTIONS.values()))
    for row in rows:
        study.add_trial(optuna.create_trial(values=list(row), params={}, distributions={}))
    outcomes = {number: Outcome(*row) for number, row in enumerate(rows)}
    assert front(outcomes, tuple(DIRECTIONS)) == sorted(t.number for t in study.best_trials)


def test_other_objectives_do_not_count():
    outcomes = {"a": Outcome(0.9, 5.0, 1.0, 9.0), "b": Outcome(0.9, 6.0, 0.5, 1.0)}
    assert front(outcomes, ("accuracy", "cycles")) == ["a"]
    assert front(outcomes, ("accuracy", "cycles", "area")) == ["a", "b"]


def test_an_estimates_missing_accuracy_beats_nothing():
    outcomes = {"a": Outcome(math.nan, 1.0, 1.0, 1.0), "b": Outcome(0.5, 2.0, 2.0, 2.0)}
    assert "b" in front(outcomes, ("accuracy", "cycles"))
