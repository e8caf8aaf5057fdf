"""`unique_names`: no two are equal, and who need not change does not."""

from hypothesis import given
from hypothesis import strategies as st

from eie_backend.names.unique import unique_names

few = st.sampled_from(["a", "b", "a_1", "a_2", "b_1", "a_1_1"])


@given(st.lists(few, max_size=12), st.sets(few), st.data())
def test_no_two_are_equal(wanted, taken, data):
    ranks = data.draw(st.lists(st.integers(0, 1), min_size=len(wanted), max_size=len(wanted)))
    names = unique_names(wanted, taken, ranks)
    assert len({*names, *taken}) == len(names) + len(taken)
    assert all(name.startswith(want) for name, want in zip(names, wanted, strict=True))
    # Whoever is alone in wanting a free name has it.
    for name, want in zip(names, wanted, strict=True):
        if wanted.count(want) == 1 and want not in taken:
            assert name == want
    assert unique_names(names) == names


def test_the_first_keeps_its_name_or_the_one_of_lowest_rank():
    assert unique_names(["a", "a", "a"]) == ["a", "a_1", "a_2"]
    assert unique_names(["a", "a", "a"], ranks=[1, 0, 1]) == ["a_1", "a", "a_2"]
    assert unique_names(["a", "a", "b"], taken=["a"]) == ["a_1", "a_2", "b"]


def test_a_number_takes_no_name_that_another_wants():
    assert unique_names(["a", "a", "a_1"]) == ["a", "a_2", "a_1"]
