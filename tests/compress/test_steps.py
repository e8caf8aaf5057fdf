"""`compression_steps`: what `compress` does, step by step."""

from tvm.ir import assert_structural_equal

from eie_backend import Recipe, compress, from_onnx
from eie_backend.compress.steps import compression_steps
from eie_backend.transform.layers import dense_layers


def test_the_last_step_is_what_compress_returns(make_mlp):
    mod, recipe = from_onnx(make_mlp(20, 30, 10)), Recipe(density=0.3, bits=3)
    steps = list(compression_steps(mod, recipe))
    assert [step.name for step in steps] == ["prune", "share"]
    assert_structural_equal(steps[-1].mod, compress(mod, recipe))


def test_a_step_says_what_it_changed_in_each_layer(make_mlp):
    for step in compression_steps(from_onnx(make_mlp(20, 30, 10)), Recipe(density=0.3, bits=3)):
        assert [drift.layer for drift in step.drift] == ["fc1", "fc2"]
        assert [layer.name for layer in dense_layers(step.mod)] == ["fc1", "fc2"]
