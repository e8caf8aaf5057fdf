"""A short run of models that are verified; ``benchmarks/fuzz.py`` has the long one."""

from driver import fuzz
from verified_models import KIND


def test_any_model_is_verified_or_refused():
    outcome = fuzz(KIND, 60, seed=1)
    assert outcome.findings == {}
    assert 0 < outcome.accepted < outcome.mutations
