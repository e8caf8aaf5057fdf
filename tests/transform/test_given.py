"""What people pass in place of what is wanted works, or is told in one line."""

import re

import numpy as np
import onnx
import pytest

import eie_backend as eie
from eie_backend.errors import ConfigError, EieError, ModelError, RecipeError
from eie_backend.recipe import as_recipe


@pytest.fixture(scope="module")
def proto(make_mlp):
    return make_mlp(24, 16, 10)


@pytest.fixture(scope="module")
def mod(proto):
    return eie.from_onnx(proto)


def test_a_recipe_as_its_fields_or_a_file(mod, tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text("density: 0.5\n")
    recipe = eie.Recipe(density=0.5)
    assert as_recipe({"density": 0.5}) == as_recipe(path) == as_recipe(str(path)) == recipe
    assert eie.compile(mod, recipe={"density": 0.5})
    with pytest.raises(RecipeError, match=r"^'dense' is no field of a recipe, take one of"):
        eie.compress(mod, {"dense": 0.5})
    with pytest.raises(RecipeError, match=r"^recipe: a float; give a mapping"):
        eie.compile(mod, recipe=0.5)


def test_a_machine_as_some_of_its_sizes(mod):
    assert eie.explain(mod, {"num_pe": 4}) == eie.explain(mod, eie.HardwareConfig(num_pe=4))
    message = r"^'pes' is no field of a machine, take one of num_pe, .*; impossible HardwareConfig"
    with pytest.raises(ConfigError, match=message):
        eie.compile(mod, {"pes": 4, "num_pe": 0})
    assert eie.explain(mod, {"num_pe": np.int64(4)}) == eie.explain(mod, {"num_pe": 4})
    assert eie.explain(mod, "eie-256") == eie.explain(mod, {"num_pe": 256})
    with pytest.raises(ModelError, match=r"^target: a int; it must be a HardwareConfig, some of"):
        eie.compile(mod, 16)
    with pytest.raises(
        ModelError, match=r"^target 'eie-65': no such machine; it must be 'eie', ei"
    ):
        eie.compile(mod, "eie-65")
    with pytest.raises(ConfigError, match=r"^nowhere\.yaml: no machine: No such file"):
        eie.compile(mod, "nowhere.yaml")


@pytest.mark.parametrize("call", [eie.compile, eie.explain, eie.compress])
def test_a_model_that_is_not_imported(call, proto):
    name = call.__name__.rpartition(".")[2]
    for given, kind in (("model.onnx", "a path"), (proto, "a ModelProto"), (None, "a NoneType")):
        message = f"{name}: {kind}; it must be a Relax module: import the model"
        with pytest.raises(ModelError, match=f"^{re.escape(message)}"):
            call(given)


def test_what_is_not_compiled(mod, tmp_path):
    x = np.zeros((4, 24), np.float32)
    for call in (eie.run, eie.profile):
        with pytest.raises(EieError, match=r"^a IRModule is no compiled model; give what eie_"):
            call(mod, x)
    with pytest.raises(ModelError, match=r"model\.so: a IRModule is no compiled model; give what"):
        eie.export_library(mod, tmp_path / "model.so")
    with pytest.raises(ModelError, match=r"^from_onnx: a NoneType; it must be a path, bytes or a"):
        eie.from_onnx(None)
    with pytest.raises(ModelError, match=r"^from_onnx: bind is a list; it must be a mapping of"):
        eie.from_onnx(onnx.ModelProto(), ["batch=1"])


@pytest.fixture(scope="module")
def library(mod):
    return eie.compile(mod, arithmetic="float32")


@pytest.mark.parametrize("dtype", ["float64", "float16", "int64", "uint8", "int8", "bool_"])
def test_arrays_of_other_dtypes(dtype, library, mod):
    x = np.arange(96).reshape(4, 24).astype(dtype)
    if dtype == "bool_":
        with pytest.raises(EieError, match=r"^input x: dtype bool, it must be float32$"):
            eie.run(library, x)
        return
    (found,), (wanted,) = eie.run(library, x), eie.run(library, x.astype(np.float32))
    np.testing.assert_array_equal(found, wanted)
    assert eie.compile(mod, calibration=x)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.full((4, 24), 1e300), "dtype float64 from 1e+300 to 1e+300, it must be float32"),
        (np.full((4, 24), 2**24 + 1), "dtype int64 from 1.67772e+07 to"),
        (np.full((4, 24), 1j), "dtype complex128, it must be float32"),
        ("x.npy", "a text, not numbers; read a file with numpy.load, it must be float32"),
        (None, "no array of numbers, it must be float32"),
        ([[1, 2], [3]], "no array of numbers, it must be float32"),
    ],
)
def test_values_that_float32_does_not_have(x, message, library):
    with pytest.raises(EieError, match=f"^{re.escape(f'input x: {message}')}"):
        eie.run(library, x)
