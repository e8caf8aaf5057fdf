"""`rename_layers`: names that nothing else has. Numbers are those of its docstring."""

import numpy as np
import pytest
import tvm
from hypothesis import given, settings
from hypothesis import strategies as st
from on_llvm import on_llvm
from tvm import IRModule, relax

from eie_backend.transform.attributes import Origin, attributes, with_attributes
from eie_backend.transform.dense_form import DenseForm
from eie_backend.transform.layers import dense_layers, layer_bindings
from eie_backend.transform.normalize import Normalize
from eie_backend.transform.rename_layers import rename_layers


def function(*operations, x="x"):
    """Return a function: one after the other, "fc" multiplies and "fc()" takes the ReLU."""
    value = relax.Var(x, relax.TensorType([2, 3], "float32"))
    bindings, inputs = [], [value]
    for number, name in enumerate(operations):
        weights = relax.const(np.full((3, 3), number, np.float32))
        result = relax.op.nn.relu(value) if name.endswith("()") else relax.op.matmul(value, weights)
        kind = relax.Var if number == len(operations) - 1 else relax.DataflowVar
        var = kind(name.removesuffix("()"), relax.TensorType([2, 3], "float32"))
        bindings.append(relax.VarBinding(var, result))
        value = var
    body = relax.SeqExpr([relax.DataflowBlock(bindings)], value)
    return relax.Function(inputs, body, relax.TensorType([2, 3], "float32"))


def module(**functions):
    public = {name: one.with_attr("global_symbol", name) for name, one in functions.items()}
    normal = relax.transform.Normalize()(IRModule(public))
    relax.analysis.well_formed(normal)
    return normal


def names(mod):
    return [
        binding.var.name
        for _, one in mod.functions_items()
        for block in one.body.blocks
        for binding in block.bindings
    ]


def renamed(mod, **wanted):
    found = {b.var: wanted[b.var.name] for b, _ in layer_bindings(mod) if b.var.name in wanted}
    return rename_layers(mod, found)


def test_as_in_the_docstring():
    mod = module(main=function("lv", "fc()", "x"))
    assert names(renamed(mod, lv="fc")) == ["fc", "fc_1", "x_1"]


def test_a_name_stays_with_the_layer_that_has_it():  # 1
    mod = module(main=function("lv", "fc", "fc_1"))
    assert names(renamed(mod, lv="fc")) == ["fc_2", "fc", "fc_1"]


def test_of_equal_names_the_first_stays():  # 1
    mod = module(main=function("fc", "fc", "fc_1", "fc"))
    assert names(rename_layers(mod, {})) == ["fc", "fc_2", "fc_1", "fc_3"]


def test_names_of_several_functions():  # 1
    mod = module(first=function("lv", "b"), second=function("lv", "b"))
    assert names(rename_layers(mod, {})) == ["lv", "b", "lv_1", "b_1"]
    (binding, *_) = [b for b, _ in layer_bindings(mod)]
    assert names(rename_layers(mod, {binding.var: "a"})) == ["a", "b", "lv", "b_1"]


def test_an_input_of_another_function_may_have_the_name():  # 1
    mod = module(main=function("fc", "y"), other=function("a()", x="fc"))
    assert names(rename_layers(mod, {})) == ["fc", "y", "a"]


def test_other_operations_give_way():  # 2
    mod = module(main=function("fc()", "fc", "fc_1()"), other=function("fc()"))
    found = rename_layers(mod, {})
    assert names(found) == ["fc_2", "fc", "fc_1", "fc_3"]
    relax.analysis.well_formed(found)


def test_notes_follow():  # 3
    notes = {
        "aliases": {"lv": ("net.1",), "b": ("node",), "conv": ("c",)},
        "convolutions": {"b": Origin("conv", 2)},
        "renamed": ["b", "conv"],
    }
    mod = with_attributes(module(main=function("lv", "b")), **notes)
    noted = attributes(renamed(mod, lv="fc", b="b2"))
    assert noted.aliases == {"fc": ("net.1",), "b2": ("node",), "conv": ("c",)}
    assert noted.convolutions == {"b2": Origin("conv", 2)}
    assert noted.renamed == ("b2", "conv")


def test_the_text_of_a_module_has_the_names():
    mod = rename_layers(module(main=function("x", "fc()", "fc"), other=function("fc")), {})
    again = tvm.script.from_source(mod.script(show_meta=True))
    assert names(again) == names(mod) == ["x_1", "fc_2", "fc", "fc_1"]


def test_values_stay():
    mod = module(main=function("fc", "fc()", "x", "fc"))
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    results = [on_llvm(one, x) for one in (mod, rename_layers(mod, {}))]
    np.testing.assert_array_equal(*results)


operations = st.lists(
    st.sampled_from(["a", "a()", "a_1", "a_1()", "b", "lv", "lv()", "x", "a_b", "a_b()"]),
    min_size=1,
    max_size=6,
)


@settings(max_examples=40)
@given(operations, operations, st.dictionaries(st.sampled_from(["a", "b", "lv"]), st.just("a_b")))
def test_no_two_layers_have_one_name(main, other, wanted):
    mod = module(main=function(*main), other=function(*other))
    found = renamed(mod, **wanted)
    layers = [binding.var.name for binding, _ in layer_bindings(found)]
    others = [*names(found)]
    for name in layers:
        others.remove(name)
    assert len({*layers}) == len(layers)
    assert {*layers}.isdisjoint({*others, "x"})
    tvm.ir.assert_structural_equal(rename_layers(found, {}), found)
    dense = [layer.name for layer in dense_layers(DenseForm()(found))]
    assert len({*dense}) == len(dense)


@pytest.mark.parametrize("make", [Normalize, DenseForm])
def test_passes_make_names_unique(make):
    mod = module(main=function("fc", "fc()", "fc"), other=function("fc", "x"))
    layers = [binding.var.name for binding, _ in layer_bindings(make()(mod))]
    assert len({*layers}) == len(layers) == 4
