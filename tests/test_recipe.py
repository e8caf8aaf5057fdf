"""`Recipe`: values, patterns and faults."""

import json
from types import MappingProxyType

import pytest

from eie_backend import Recipe
from eie_backend.errors import RecipeError


def refused(**settings):
    with pytest.raises(RecipeError) as error:
        Recipe(**settings)
    return str(error.value)


def test_the_default_prunes_nothing_and_shares_4_bits():
    assert (Recipe().density_of("any"), Recipe().bits_of("any")) == (1.0, 4)


def test_one_value_is_for_every_layer():
    recipe = Recipe(density=0.5, bits=2)
    assert [(recipe.density_of(name), recipe.bits_of(name)) for name in "ab"] == [(0.5, 2)] * 2


def test_the_first_match_counts_and_others_take_the_default():
    recipe = Recipe(density={"fc1": 0.1, "fc*": 0.2}, bits={"fc[23]": 5, "*": 3})
    assert [recipe.density_of(name) for name in ("fc1", "fc2", "conv")] == [0.1, 0.2, 1.0]
    assert [recipe.bits_of(name) for name in ("fc1", "fc2", "fc3")] == [3, 5, 5]
    assert Recipe(density={"fc*": 0.2, "fc1": 0.1}).density_of("fc1") == 0.2


def test_names_are_matched_with_case_and_whole():
    recipe = Recipe(density={"FC1": 0.1, "c1": 0.2})
    assert recipe.density_of("fc1") == 1.0


@pytest.mark.parametrize("density", [1, 1.0, 1e-9])
@pytest.mark.parametrize("bits", [1, 8])
def test_limits_are_legal(density, bits):
    recipe = Recipe(density=density, bits=bits)
    assert (recipe.density_of("a"), recipe.bits_of("a")) == (density, bits)


@pytest.mark.parametrize("density", [0, -0.1, 1.0000001, float("nan"), True, "0.5", None, [0.5]])
def test_an_impossible_density(density):
    assert refused(density=density) == (
        f"impossible recipe: density = {density!r} is not a number in (0, 1]; correct these values"
    )


@pytest.mark.parametrize("bits", [0, 9, 4.0, True, "4", None])
def test_impossible_bits(bits):
    assert refused(bits=bits) == (
        f"impossible recipe: bits = {bits!r} is not an integer in 1..8; correct these values"
    )


def test_all_faults_at_once():
    assert refused(density={"fc1": 2, "fc2": 0.5, "fc*": "x"}, bits={"fc1": 9, "fc2": 4}) == (
        "impossible recipe: density['fc1'] = 2 is not a number in (0, 1]; "
        "density['fc*'] = 'x' is not a number in (0, 1]; "
        "bits['fc1'] = 9 is not an integer in 1..8; correct these values"
    )


def test_patterns_without_a_layer_are_found():
    recipe = Recipe(density={"fc*": 0.5, "conv": 0.1}, bits={"fc9": 4})
    assert recipe.unused_patterns(["fc1", "fc2"]) == ["conv", "fc9"]
    assert Recipe(density=0.5, bits=3).unused_patterns([]) == []


@pytest.mark.parametrize("mapping", [dict, MappingProxyType])
def test_json_of_any_mapping_comes_back(mapping):
    recipe = Recipe(density=mapping({"b": 0.5, "a": 0.25}), bits=3)
    text = '{"bits": 3, "density": {"a": 0.25, "b": 0.5}}'
    assert recipe.to_json() == text
    assert Recipe(**json.loads(text)).density_of("a") == 0.25
