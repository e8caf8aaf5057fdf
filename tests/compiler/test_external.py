"""``relax.ext.eie``: functions that were partitioned by hand become images for their machine."""

import re

import numpy as np
import pytest
import tvm
from on_llvm import on_llvm
from tvm import relax
from tvm.target import Target

import eie_backend as eie
from eie_backend import HardwareConfig
from eie_backend.codegen.library import programs
from eie_backend.compiler import stages
from eie_backend.compress.share_for_machine import ShareForMachine
from eie_backend.errors import ModelError
from eie_backend.isa.image import decode_image
from eie_backend.machine.formats import LayerRange
from eie_backend.transform.attributes import options, with_attributes
from eie_backend.transform.dense_form import DenseForm
from eie_backend.transform.layers import map_functions
from eie_backend.transform.partition import CODEGEN, Partition, is_eie_function

SIXTEEN = HardwareConfig(num_pe=16)


@pytest.fixture(scope="module")
def two(make_mlp):
    """Return a dense-form, shared module of two layers that are functions of their own."""
    model = make_mlp(24, 16, 10, batch=4)
    relu = next(node for node in model.graph.node if node.op_type == "Relu")
    relu.op_type = "Tanh"
    return ShareForMachine(SIXTEEN)(DenseForm()(eie.from_onnx(model)))


def codegen(mod, given=None):
    """Run the code generator as TVM's users do; return the programs of its images."""
    built = relax.transform.RunCodegen(given or {})(mod)
    (module,) = built.attrs["external_mods"]
    return [*decode_image(bytes(module["__eie_image__"]()))]


def for_machines(mod, **machines):
    """Return a module whose functions note these machines instead of their own, None for none."""

    def changed(function):
        symbol = function.attrs["global_symbol"]
        if not is_eie_function(function) or symbol not in machines:
            return function
        text = machines[symbol]
        bare = function.without_attr("eie.machine")
        return bare if text is None else bare.with_attr("eie.machine", text)

    return map_functions(mod, changed)


def fault(mod, given=None):
    with pytest.raises(ModelError) as error:
        codegen(mod, given)
    return str(error.value)


@pytest.fixture(scope="module")
def partitioned(two):
    return Partition(SIXTEEN)(two)


@pytest.fixture(scope="module")
def symbols(partitioned):
    return sorted(g.name_hint for g, f in partitioned.functions_items() if is_eie_function(f))


def test_a_module_partitioned_for_16_pes_becomes_images_for_16_pes(partitioned):
    assert [program.config for program in codegen(partitioned)] == [SIXTEEN, SIXTEEN]


def test_a_target_for_the_same_machine_agrees(partitioned):
    with eie.target(SIXTEEN):
        assert {program.config for program in codegen(partitioned)} == {SIXTEEN}


def test_targets_of_others_say_nothing(partitioned):
    with Target("llvm"):
        assert {program.config for program in codegen(partitioned)} == {SIXTEEN}


def test_what_a_module_notes_before_its_partition_is_in_the_images(two):
    """Arithmetic, bias and calibration: the default of each gives another program."""
    ranges = {"fc1": LayerRange(1.0, 4.0, 5.0, 2.0, 0.1), "fc2": LayerRange(2.0, 9.0, 9.0, 9.0)}
    noted = with_attributes(two, arithmetic="int8", bias="column", calibration=ranges)
    found, plain = codegen(Partition(SIXTEEN)(noted)), codegen(Partition(SIXTEEN)(two))
    assert [program.arithmetic for program in found] == ["int8", "int8"]
    assert [program.arithmetic for program in plain] == ["int16", "int16"]
    assert all(program.matrices[0].has_bias_column for program in found)
    assert not any(program.matrices[0].has_bias_column for program in plain)
    calibrated = codegen(Partition(SIXTEEN)(with_attributes(two, calibration=ranges)))
    for before, after in zip(plain, calibrated, strict=True):
        assert before.steps != after.steps


def test_what_it_computes_is_what_compile_computes(two, partitioned):
    built = relax.transform.RunCodegen()(partitioned).without_attr("const_name_to_constant")
    x = np.random.default_rng(1).normal(size=(4, 24)).astype(np.float32)
    (y,) = on_llvm(built, x)
    # Who partitions by hand gets the formats that are assumed without any ranges.
    assumed = with_attributes(two, calibration={"fc1": LayerRange(), "fc2": LayerRange()})
    assert y.tobytes() == eie.run(eie.compile(assumed, SIXTEEN), x)[0].tobytes()


def test_a_target_for_another_machine_is_refused(partitioned, symbols):
    with Target("eie"):
        message = fault(partitioned)
    assert message == (
        f"made for different machines: {symbols[0]} for num_pe=16, {symbols[1]} for num_pe=16, the "
        "target for the default machine; compile for the machine of the partition, or partition "
        "again"
    )


def test_functions_for_different_machines_are_refused(partitioned, symbols):
    first, second = symbols
    assert fault(for_machines(partitioned, **{second: "num_pe=8"})) == (
        f"made for different machines: {first} for num_pe=16, {second} for num_pe=8; compile for "
        "the machine of the partition, or partition again"
    )


def test_a_module_for_another_machine_is_refused(partitioned, symbols):
    given = options(with_attributes(partitioned, machine=HardwareConfig(num_pe=4)))
    first, second = symbols
    assert fault(partitioned, {CODEGEN: given}) == (
        f"made for different machines: {first} for num_pe=16, {second} for num_pe=16, the module "
        "for num_pe=4; compile for the machine of the partition, or partition again"
    )


def test_functions_that_note_different_arithmetics_are_refused(partitioned, symbols):
    changed = map_functions(
        partitioned,
        lambda function: (
            function.with_attr("eie.arithmetic", "float32")
            if function.attrs["global_symbol"] == symbols[0]
            else function
        ),
    )
    assert fault(changed) == (
        f"{symbols[0]}, {symbols[1]}, the module: they note different arithmetic; use functions of "
        "one partitioned module"
    )


def test_options_that_contradict_the_functions_are_refused(partitioned, symbols):
    assert fault(partitioned, {CODEGEN: {"arithmetic": "int8"}}).endswith(
        "the module: they note different arithmetic; use functions of one partitioned module"
    )


def test_a_misspelt_note_of_a_function_is_refused(partitioned):
    changed = map_functions(partitioned, lambda function: function.with_attr("eie.bais", "column"))
    assert fault(changed).startswith("module attribute eie.bais is unknown; known are ")


def test_a_module_partitioned_by_hand_is_compiled_as_it_is(partitioned):
    built = tvm.compile(partitioned, target=eie.target(SIXTEEN))
    assert {program.config for program in programs(built)} == {SIXTEEN}
    with pytest.raises(ModelError, match=r"^made for different machines: "):
        tvm.compile(partitioned, target="eie")


def test_a_partitioned_module_is_not_partitioned_again(partitioned):
    with pytest.raises(ModelError, match=r"^the module is partitioned already; call relax"):
        Partition(SIXTEEN)(partitioned)


def test_no_form_is_made_for_another_machine(make_mlp):
    prepared = eie.compiler.prepare(eie.from_onnx(make_mlp(8, 4)), SIXTEEN)
    with pytest.raises(ModelError, match=r"^prepared for num_pe=16, built for "):
        stages.eie_programs(prepared, eie.target())


def test_a_prepared_module_keeps_its_arithmetic(make_mlp):
    mod = eie.from_onnx(make_mlp(8, 4))
    prepared = eie.compiler.prepare(mod, SIXTEEN, arithmetic="int8", bias="column")
    for built in (
        eie.compile(prepared, SIXTEEN),
        tvm.compile(prepared, target=eie.target(SIXTEEN)),
        eie.relay.build(prepared, target=SIXTEEN).executable,
    ):
        (program,) = programs(built)
        assert program.arithmetic == "int8"
        assert program.matrices[0].has_bias_column


def test_functions_that_note_no_machine_are_refused(partitioned, symbols):
    assert fault(for_machines(partitioned, **dict.fromkeys(symbols))) == (
        f"{', '.join(symbols)}: the machine of the partition is not noted; use "
        "eie_backend.transform.partition.Partition(config)"
    )


def test_a_module_prepared_for_one_machine_is_not_built_for_another(make_mlp):
    prepared = eie.compiler.prepare(eie.from_onnx(make_mlp(24, 16)), SIXTEEN)
    message = (
        "prepared for num_pe=16, built for the default machine; compile for the same machine, or "
        "prepare again"
    )
    with pytest.raises(ModelError, match=f"^{re.escape(message)}$"):
        tvm.compile(prepared, target="eie")
    assert tvm.compile(prepared, target=eie.target(SIXTEEN))
