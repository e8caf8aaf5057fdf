"""Recipes: YAML or JSON that `read_recipe` reads."""

from __future__ import annotations

from random import Random

from driver import Kind
from edits import edit_file
from files import with_file

from eie_backend.recipe import Recipe, read_recipe

YAML_WORDS = (
    *(
        "&a ",
        "*a",
        "<<: *a",
        "? ",
        "- ",
        ": ",
        "!!set ",
        "!!omap ",
        "!!pairs ",
        "!!binary x",
        "---",
    ),
    *("!!int ''", "!!float ''", "!!bool x", "!!timestamp x", "2001-99-99", "!!null ''", "1:2:3.4"),
    *("!!python/object/apply:os.system [echo]", "!<tag:x>", "%YAML 9.9\n---\n", "|\n", ">\n", "#"),
    "\n".join(["a: &a0 [x, x]", *(f"b{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40))]),
)
"""What YAML has beyond JSON; the last line is a text of 2**40 words in 40 lines."""

SEEDS = (
    "density: 0.1\nbits: 4\n",
    "density: {fc1: 0.1, 'fc*': 0.2, '@conv': 0.5}\nbits: {fc1: 5}\nindex_bits: auto\n",
    "method: balanced\ninitialization: linear\nschedule: {start: 1, steps: 3}\n",
    "quality: {fc2: 1.5}\nschedule: {'f[c]?': {start: 1, steps: 3}}\n",
    Recipe(density={"fc": 0.3}, method={"*": "global"}).to_json(),
)


def edit(random: Random, data: bytes) -> bytes:
    """Edit YAML."""
    return edit_file(random, data, (*YAML_WORDS, "density", "schedule", "steps", "auto", "@dense"))


def read(data: bytes) -> None:
    """Read a recipe and ask it for everything."""
    recipe = with_file(read_recipe, data, "recipe.yaml")
    recipe.unused_patterns(["fc1", "conv"])
    recipe.to_json()
    for name in ("fc1", "conv2"):
        recipe.density_of(name, "@dense")
        recipe.schedule_of(name, "@dense")


KIND = Kind("recipes", lambda: [text.encode() for text in SEEDS], edit, read, multiple=1000)
