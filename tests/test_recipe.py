"""`Recipe`: values, patterns and faults."""

import json
import re
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType

import pytest
import yaml

from eie_backend import Recipe
from eie_backend.errors import RecipeError
from eie_backend.recipe import Schedule, paper_recipe, read_recipe, recipe_from_dict


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
    assert recipe_from_dict(json.loads(recipe.to_json())) == Recipe({"b": 0.5, "a": 0.25}, 3)


@pytest.mark.parametrize(
    ("field", "bad", "allowed"),
    [
        ("quality", -0.5, "a number of at least 0"),
        ("quality", float("inf"), "a number of at least 0"),
        ("index_bits", 17, "an integer in 1..16 or 'auto'"),
        ("method", "smallest", "one of magnitude, balanced, global"),
        ("initialization", "kmeans++", "one of best, density, linear, random"),
        ("runs_on", "gpu", "one of machine, host"),
        ("schedule", 4, "a schedule: start of at least 0 and steps of at least 1"),
        ("schedule", Schedule(0, 0), "a schedule: start of at least 0 and steps of at least 1"),
    ],
)
def test_impossible_values_of_the_other_fields(field, bad, allowed):
    assert refused(**{field: {"fc1": bad}}) == (
        f"impossible recipe: {field}['fc1'] = {bad!r} is not {allowed}; correct these values"
    )


def test_a_layer_answers_to_its_kind():
    recipe = Recipe(density={"fc3": 0.25, "@dense": 0.1, "@conv": 0.4})
    assert recipe.density_of("fc3", "fc3", "@dense") == 0.25
    assert recipe.density_of("fc1", "fc1", "@dense") == 0.1
    assert recipe.unused_patterns(["fc3"]) == []


def test_the_paper_recipe_prunes_dense_layers_more_than_convolutions():
    recipe = paper_recipe()
    assert recipe.density_of("a", "@dense") == 0.09
    assert recipe.density_of("a", "@conv") == 0.37


def test_the_density_falls_from_1_to_its_end():
    schedule = Schedule(start=2, steps=3)
    densities = [schedule.density_at(number, 0.1) for number in range(1, 8)]
    assert densities[:2] == [1.0, 1.0]
    assert densities[4:] == [0.1] * 3
    assert 1.0 > densities[2] > densities[3] > 0.1


YAML = """
density: {fc1: 0.08, "@dense": 0.3}
bits: 3
index_bits: {fc1: 5}
method: balanced
schedule: {fc1: {start: 1, steps: 6}, "*": {steps: 2}}
"""


def test_a_file_is_a_recipe_and_comes_back_as_json(tmp_path):
    (tmp_path / "recipe.yaml").write_text(YAML)
    recipe = read_recipe(tmp_path / "recipe.yaml")
    assert recipe.density_of("fc1") == 0.08
    assert recipe.index_bits_of("fc1") == 5
    assert recipe.index_bits_of("fc2") == "auto"
    assert recipe.schedule_of("fc1") == Schedule(1, 6)
    (tmp_path / "recipe.json").write_text(recipe.to_json())
    assert read_recipe(tmp_path / "recipe.json") == recipe


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "a list; give a mapping (density, "),
        ("", "a NoneType; give a mapping (density, "),
        ("density: {", "not YAML: while parsing a flow node"),
        ("density: &a {fc1: 0.1}\nquality: *a", "not YAML: an alias: write the value out"),
        ("density: {5: 0.1}", "density: 5 is no text; layers are named by texts"),
        ("bits: {!!null '': 4}", "bits: None is no text; layers are named by texts"),
        (
            "densty: 0.1\nbits: 9\nschedule: {rounds: 3}",
            "'densty' is no field of a recipe, take one of (density, bits, quality, index_bits, "
            "method, initialization, schedule, runs_on); impossible recipe: bits = 9 is not an "
            "integer in 1..8; "
            "schedule['rounds'] = 3 is not a schedule",
        ),
    ],
)
def test_a_file_that_is_no_recipe(tmp_path, text, message):
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError) as error:
        read_recipe(path)
    assert str(error.value).startswith(f"{path}: ")
    assert message in str(error.value)


def test_json_is_as_before_there_was_a_host_unless_it_says_so():
    assert "runs_on" not in json.loads(Recipe().to_json())
    assert json.loads(Recipe(runs_on={"fc1": "host"}).to_json())["runs_on"] == {"fc1": "host"}
    assert json.loads(Recipe(runs_on="host").to_json())["runs_on"] == "host"


def test_a_missing_file(tmp_path):
    with pytest.raises(RecipeError, match="cannot be read: No such file or directory"):
        read_recipe(tmp_path / "recipe.yaml")


def test_the_page_s_example_uses_every_field():
    page = Path(__file__).parents[1] / "docs" / "compression.md"
    (text,) = re.findall("```yaml\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    recipe = recipe_from_dict(yaml.safe_load(text))
    assert yaml.safe_load(text).keys() == {field.name for field in fields(Recipe)}
    assert recipe.density_of("conv1", "conv1", "@conv") == 0.8
    assert recipe.quality_of("head", "head", "@dense") == 1.5
    assert recipe.schedule_of("fc1", "fc1", "@dense") == Schedule(0, 4)
    assert recipe.runs_on_of("stem", "stem", "@conv") == "host"
    assert recipe.runs_on_of("fc1", "fc1", "@dense") == "machine"
