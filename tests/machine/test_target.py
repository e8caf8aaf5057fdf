"""The target carries the machine."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tvm.target import Target

from eie_backend import HardwareConfig, target
from eie_backend.errors import ConfigError
from eie_backend.machine.tag import DESCRIPTION
from eie_backend.machine.target import config_of, is_eie

NAMES = ", ".join(HardwareConfig().to_dict())


def sizes(spec):
    if spec.name == "accumulator_bits":
        return st.sampled_from([16, 32])
    whole = st.integers(spec.metadata["low"], spec.metadata["high"])
    return whole.map(lambda n: n // 8 * 8) if spec.name == "spmat_width_bits" else whole


configs = st.builds(HardwareConfig, **{spec.name: sizes(spec) for spec in fields(HardwareConfig)})


@given(config=configs)
def test_a_machine_comes_back_from_its_target(config):
    assert config_of(target(config)) == config
    assert config_of(Target(str(target(config)))) == config


def test_only_what_differs_is_written():
    assert "model" not in target().attrs
    assert target(HardwareConfig(num_pe=16, fifo_depth=4)).attrs["model"] == (
        "num_pe=16,fifo_depth=4"
    )


def test_the_bare_name_is_the_machine_of_the_paper():
    assert config_of(Target("eie")) == HardwareConfig()


def test_ours_and_others():
    assert is_eie(target())
    assert is_eie(Target("eie"))
    assert not is_eie(Target("llvm"))
    assert not is_eie(None)


@pytest.mark.parametrize(
    "item",
    ["pes=4", "num_pe", "num_pe=", "num_pe=x", "num_pe=4.0", " num_pe=4", "num_pe=--4", "num_pe=²"],
)
def test_a_model_that_is_no_list_of_fields(item):
    model = f"fifo_depth=4,{item}"
    with pytest.raises(ConfigError) as error:
        config_of(Target({**DESCRIPTION, "model": model}))
    assert str(error.value) == (
        f"target model {model!r}: {item!r} is not field=integer; fields are {NAMES}"
    )


@pytest.mark.parametrize("value", [0, -1])
def test_impossible_sizes_in_a_model(value):
    with pytest.raises(ConfigError, match=f"num_pe = {value} is outside 1..1024 PEs"):
        config_of(Target({**DESCRIPTION, "model": f"num_pe={value}"}))
