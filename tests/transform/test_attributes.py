"""What travels on a module: one dataclass, written and read in one place."""

import re

import pytest
import tvm
from tvm.ir import assert_structural_equal

import eie_backend as eie
from eie_backend import HardwareConfig
from eie_backend.errors import ModelError
from eie_backend.machine.formats import DEFAULT_RANGE, LayerRange
from eie_backend.transform.attributes import (
    ModuleAttributes,
    Origin,
    attributes,
    from_options,
    options,
    with_attributes,
    with_fields,
    without_attributes,
)

FULL = ModuleAttributes(
    machine=HardwareConfig(num_pe=16, fifo_depth=4),
    arithmetic="float32",
    bias="column",
    winograd="never",
    convolutions={"conv_w0": Origin("conv", 2)},
    calibration={"fc1": LayerRange(1.0, 4.0, 5.0, 2.0, 0.1)},
    aliases={"fc1": ("net.1", "größe \n\"'"), "fc2": ()},
    renamed=("fc1",),
    as_is=("fc1", "fc2"),
    on_host=("fc2",),
    model_sha256="12ab",
    verified="its results are those of another",
    recipe="{}",
    balance="[1]",
    operations="[2]",
    weights="{3}",
    graph="[4]",
    interface="[5]",
)


@pytest.fixture(scope="module")
def mod(make_mlp):
    return without_attributes(eie.from_onnx(make_mlp(4, 3)), "model_sha256", "verified")


def test_a_module_says_nothing_of_itself(mod):
    assert attributes(mod) == ModuleAttributes()


def test_all_is_read_as_it_was_written(mod):
    assert attributes(with_fields(mod, FULL)) == FULL


def test_the_text_of_a_module_carries_all(mod):
    noted = with_fields(mod, FULL)
    again = tvm.script.from_source(noted.script(show_meta=True))
    assert attributes(again) == FULL


def test_a_code_generator_gets_the_same_as_options(mod):
    assert from_options(options(with_fields(mod, FULL))) == FULL


def test_one_field_changes_and_goes(mod):
    changed = with_attributes(with_fields(mod, FULL), bias="register")
    assert attributes(changed).bias == "register"
    assert attributes(changed).machine == FULL.machine
    assert attributes(without_attributes(changed, "machine")).machine is None


def test_others_attributes_are_left_alone(mod):
    foreign = mod.with_attr("mine", "1")
    assert attributes(foreign) == ModuleAttributes()
    assert_structural_equal(without_attributes(with_fields(foreign, FULL), *vars(FULL)), foreign)


def test_a_layer_without_calibration_has_the_assumed_range(mod):
    ranges = attributes(mod).calibration.get("fc1", LayerRange())
    assert ranges.input == ranges.sum == DEFAULT_RANGE


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "arithmetic",
            "int4",
            "arithmetic 'int4' is unknown; choose one of float32, int16, int8, int32",
        ),
        ("bias", "row", "bias 'row' is unknown; choose one of register, column"),
        ("winograd", "perhaps", "winograd 'perhaps' is unknown; choose one of auto, always, never"),
        ("winogard", "auto", "module attribute eie.winogard is unknown; known are eie.machine, "),
    ],
)
def test_what_is_unknown_is_refused(mod, name, value, message):
    with pytest.raises(ModelError, match=f"^{re.escape(message)}"):
        attributes(mod.with_attr(f"eie.{name}", value))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("calibration", "x"),
        ("calibration", {"fc1": {"foo": 1.0}}),
        ("calibration", {"fc1": {"input": "a"}}),
        ("convolutions", {"a": 1}),
        ("as_is", "abc"),
    ],
)
def test_an_impossible_value_is_refused(mod, name, value):
    with pytest.raises(ModelError, match=f"^module attribute eie.{name}: .* is no such value: "):
        attributes(mod.with_attr(f"eie.{name}", value))


def test_a_field_that_does_not_exist_cannot_be_written(mod):
    with pytest.raises(TypeError, match="winogard"):
        with_attributes(mod, winogard="auto")
