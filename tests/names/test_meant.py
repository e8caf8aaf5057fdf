"""What a recipe's names and patterns are about, with all layers of a model in view."""

import re
from dataclasses import dataclass

import pytest

from eie_backend import Recipe
from eie_backend.errors import RecipeError
from eie_backend.names.meant import LayerNames


@dataclass(frozen=True)
class Layer:
    name: str
    aliases: tuple[str, ...] = ()
    source: str = ""
    kind: str = "@dense"

    @property
    def names(self):
        return self.name, self.source or self.name, self.kind


LAYERS = [
    Layer("net_1", ("net.1", "node_linear")),
    Layer("net_3", ("net.3", "node_linear_1")),
    Layer("a_[b]", ("x[1]", "shared")),
    *(Layer(f"conv_w{n}", ("node_conv2d",), "conv", "@conv") for n in range(16)),
    Layer("lstm_l0", ("lstm_ih_l0", "shared")),
]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        # Own names, kinds, and patterns of own names stay as they are.
        ("net_1", ["net_1"]),
        ("net_?", ["net_?"]),
        ("*", ["*"]),
        ("*_1", ["*_1"]),
        ("@conv", ["@conv"]),
        ("@other", ["@other"]),
        ("conv", ["conv"]),
        ("conv_w3", ["conv_w3"]),
        # Other names.
        ("node_linear", ["net_1"]),
        ("net.3.weight", ["net_3"]),
        ("lstm.weight_ih_l0", ["lstm_l0"]),
        ("node_conv2d", ["conv"]),
        ("conv.weight", ["conv"]),
        ("x[1]", ["a_[b]"]),
        # Patterns of other names.
        ("node_*", ["net_1", "net_3", "conv"]),
        ("net.*", ["net_1", "net_3"]),
        ("net.*.weight", ["net_1", "net_3"]),
        ("share?", ["a_[b]", "lstm_l0"]),
        # A pattern does not become an identifier: `fc.*` is not `fc`.
        ("fc", []),
        ("conv.*", ["conv"]),
        ("fc*", []),
    ],
)
def test_meant(key, expected):
    assert LayerNames(LAYERS).meant(key) == expected


def test_a_recipe_for_layers_has_their_own_names():
    recipe = Recipe(
        density={"node_linear": 0.1, "net_*": 0.2, "net.1": 0.3, "fc": 0.4, "@conv": 0.5},
        bits={"node_*": 3},
        index_bits=5,
    )
    found = recipe.for_layers(LAYERS)
    assert found == Recipe(
        density={"net_1": 0.1, "net_*": 0.2, "fc": 0.4, "@conv": 0.5},
        bits={"net_1": 3, "net_3": 3, "conv": 3},
        index_bits=5,
    )
    assert list(found.density) == ["net_1", "net_*", "fc", "@conv"]
    assert found.for_layers(LAYERS) == found
    assert found.unused_patterns(["net_1", "net_3", "conv"]) == ["fc"]


def test_the_first_match_counts_whatever_it_is_called():
    for keys, density in ((("node_linear", "net_1"), 0.1), (("net_1", "node_linear"), 0.1)):
        recipe = Recipe(density=dict(zip(keys, (0.1, 0.2), strict=True)))
        assert recipe.for_layers(LAYERS).density_of("net_1", "net_1", "@dense") == density


def test_a_name_of_several_layers_is_refused():
    recipe = Recipe(density={"shared": 0.1, "@dense": 0.5}, bits={"shared": 2, "node_*": 3})
    message = "recipe: 'shared' stands for a_[b], lstm_l0: name one, or give a pattern"
    with pytest.raises(RecipeError, match=f"^{re.escape(message)}$"):
        recipe.for_layers(LAYERS)
