"""`compress`: the recipe by layer; the result is plain Relax, checked on TVM's LLVM build."""

import json

import numpy as np
import pytest
import tvm
from on_llvm import on_llvm
from onnx import numpy_helper

import eie_backend
from eie_backend import Recipe, compress, from_onnx
from eie_backend.compress.prune import Prune, prune
from eie_backend.compress.share_weights import share
from eie_backend.errors import ModelError, RecipeError
from eie_backend.recipe import recipe_from_dict
from eie_backend.transform.layers import dense_layers, map_weights
from eie_backend.transform.normalize import Normalize


def weights_of(mod):
    return {layer.name: layer.weights for layer in dense_layers(mod)}


def run_on_llvm(mod, x):
    return on_llvm(mod, x)[0]


def test_the_compressed_module_runs_on_llvm_with_the_compressed_weights(make_mlp):
    model = make_mlp(20, 30, 10, batch=4)
    bias = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
    compressed = compress(from_onnx(model), Recipe(density=0.3, bits=3))
    weights = weights_of(compressed)
    x = np.random.default_rng(1).normal(size=(4, 20)).astype(np.float32)
    hidden = np.maximum(x @ weights["fc1"].T + bias["fc1.bias"], 0)
    expected = hidden @ weights["fc2"].T + bias["fc2.bias"]
    np.testing.assert_allclose(run_on_llvm(compressed, x), expected, rtol=1e-4, atol=1e-4)
    for name, size in [("fc1", 600), ("fc2", 300)]:
        assert np.count_nonzero(weights[name]) == round(0.3 * size)
        assert np.unique(weights[name]).size == 8


def test_only_weights_change(make_mlp):
    normal = Normalize()(from_onnx(make_mlp(5, 6, 3)))
    compressed = compress(normal, Recipe(density=0.5, bits=2))
    restored = weights_of(normal)
    same = map_weights(compressed, lambda name, _: restored[name])
    tvm.ir.assert_structural_equal(same.without_attr("eie.recipe"), normal)


def test_layers_are_pruned_first_and_then_shared_by_their_own_settings(make_mlp):
    mod = from_onnx(make_mlp(9, 8, 7))
    before = weights_of(mod)
    after = weights_of(compress(mod, Recipe({"fc1": 0.5}, {"fc1": 2, "*": 3})))
    assert after["fc1"].tolist() == share(prune(before["fc1"], 0.5), 2).tolist()
    assert after["fc2"].tolist() == share(before["fc2"], 3).tolist()


def test_the_default_shares_4_bits_and_prunes_nothing(make_mlp):
    weights = weights_of(compress(from_onnx(make_mlp(20, 30))))["fc1"]
    assert np.count_nonzero(weights) == weights.size
    assert np.unique(weights).size == 15


def test_what_is_compressed_stays_as_it_is(make_mlp):
    recipe = Recipe(density=0.3, bits=3)
    once = compress(from_onnx(make_mlp(20, 30, 10)), recipe)
    tvm.ir.assert_structural_equal(compress(once, recipe), once)


def test_the_module_remembers_the_recipe(make_mlp):
    recipe = Recipe(density={"fc*": 0.5}, bits=3)
    attrs = compress(from_onnx(make_mlp(5, 6)), recipe).attrs
    assert recipe_from_dict(json.loads(attrs["eie.recipe"])) == recipe


def test_the_package_is_also_the_function(make_mlp):
    mod = from_onnx(make_mlp(5, 6))
    tvm.ir.assert_structural_equal(eie_backend.compress(mod), compress.compress(mod))
    assert eie_backend.compress.prune.Prune is Prune


def test_a_recipe_for_other_layers_is_refused(make_mlp):
    recipe = Recipe(density={"fc1": 0.5, "conv*": 0.5}, bits={"fc7": 4})
    with pytest.raises(RecipeError) as error:
        compress(from_onnx(make_mlp(5, 6, 3)), recipe)
    assert str(error.value) == (
        "recipe: no layer is called 'conv*', 'fc7'; the layers are fc1, fc2"
    )


def test_weights_that_are_no_numbers_are_refused(make_mlp):
    model = make_mlp(2, 2, 1)
    for index, bad in [(0, [[np.nan, 1], [np.inf, 2]]), (2, [[1, -np.inf]])]:
        name = model.graph.initializer[index].name
        broken = numpy_helper.from_array(np.array(bad, np.float32), name)
        model.graph.initializer[index].CopyFrom(broken)
    with pytest.raises(ModelError) as error:
        compress(from_onnx(model))
    assert str(error.value) == (
        "fc1: 2 of 4 weights are NaN or infinite; fc2: 1 of 2 weights are NaN or infinite; "
        "repair the model"
    )
