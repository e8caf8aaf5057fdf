"""The six forms of a network: each can be printed, and they are those that `compile` takes."""

import numpy as np
import pytest
import tvm
from on_llvm import on_llvm

import eie_backend as eie
from eie_backend import HardwareConfig, Recipe, compiler
from eie_backend.codegen.library import programs
from eie_backend.compiler.stages import eie_programs, emit, partitioned, tir
from eie_backend.isa.assembly import from_dialect, parse_program, print_program
from eie_backend.isa.elide_constants import ELIDE_BYTES
from eie_backend.isa.image import decode_image, encode_image
from eie_backend.machine.choices import STAGE

TARGET = eie.target(HardwareConfig(num_pe=4))


@pytest.fixture(scope="module")
def mod(make_mlp):
    return eie.from_onnx(make_mlp(24, 16, 10, batch=4))


@pytest.fixture(scope="module")
def cut(make_mlp):
    """Return a module with two programs: the host computes tanh between the layers."""
    model = make_mlp(24, 16, 10, batch=4)
    next(node for node in model.graph.node if node.op_type == "Relu").op_type = "Tanh"
    return eie.from_onnx(model)


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(1).normal(size=(4, 24)).astype(np.float32)


@pytest.fixture(scope="module")
def prepared(mod, x):
    return compiler.prepare(mod, TARGET, Recipe(density=0.5), x)


def emitted(stage, mod, prepared, **options):
    return emit(stage, mod, lambda: prepared, TARGET, **options)


def host(mod, x):
    return on_llvm(mod, x)[0]


@pytest.mark.parametrize("stage", STAGE.values)
def test_every_form_has_one_part(stage, mod, prepared):
    assert len(emitted(stage, mod, prepared)) == 1


def test_relax_form_needs_no_compression(mod):
    def never():
        raise AssertionError

    assert emit("relax", mod, never, TARGET) == [mod.script(show_meta=True)]


@pytest.mark.parametrize("stage", ["relax", "compressed"])
def test_relax_text_runs_as_the_module_does(stage, mod, prepared, x):
    (text,) = emitted(stage, mod, prepared)
    source = mod if stage == "relax" else prepared
    again = tvm.script.from_source(text)
    np.testing.assert_array_equal(host(again, x), host(source, x))


def test_compressed_form_is_what_compress_gives(mod, prepared, x):
    compressed = eie.compress(mod, Recipe(density=0.5))
    np.testing.assert_array_equal(host(prepared, x), host(compressed, x))


def test_partitioned_form_is_still_relax(prepared, x):
    """LLVM runs the machine's functions when nobody generates code for them."""
    form = partitioned(prepared, TARGET)
    attributes = [f.attrs for _, f in form.functions_items() if f.attrs and "Codegen" in f.attrs]
    assert [one["Codegen"] for one in attributes] == ["eie"]
    lifted = tvm.relax.transform.LambdaLift()(form)
    np.testing.assert_array_equal(host(lifted, x), host(prepared, x))


def test_tir_form_shows_the_intrinsics(mod, prepared):
    (text,) = emitted("tir", mod, prepared)
    for intrinsic in ("load_bias", "mvm", "write_back"):
        assert text.count(f"T.eie.{intrinsic}(") == 2
    assert {g.name_hint for g in tir(prepared, TARGET).get_global_vars()} >= {
        "fc1_kernel",
        "fc2_kernel",
    }


def test_eie_text_parses_back_to_the_image(mod, prepared):
    (text,) = emitted("eie", mod, prepared)
    module = parse_program(text)
    assert print_program(module) == text
    assert emitted("image", mod, prepared) == [encode_image(from_dialect(module))]


def test_image_form_is_what_the_library_holds(mod, prepared):
    compiled = compiler.build(prepared, TARGET)
    assert emitted("image", mod, prepared) == [encode_image(p) for p in programs(compiled)]


def test_two_programs_are_two_texts_and_one_image(cut):
    prepared = compiler.prepare(cut, TARGET)
    (image,) = emitted("image", cut, prepared)
    assert {program.layers for program in decode_image(image)} == {("fc1",), ("fc2",)}
    assert len(emitted("eie", cut, prepared)) == 2
    compiled = compiler.build(prepared, TARGET)
    assert {encode_image(p) for p in decode_image(image)} == {
        encode_image(p) for p in programs(compiled)
    }


@pytest.mark.parametrize("arithmetic", ["float32", "int16"])
@pytest.mark.parametrize("bias", ["register", "column"])
def test_options_reach_every_form(mod, arithmetic, bias):
    prepared = compiler.prepare(mod, TARGET, None, None, arithmetic, bias)
    (program,) = eie_programs(prepared, TARGET)
    assert program.arithmetic == arithmetic
    assert program.matrices[0].has_bias_column == (bias == "column")
    assert program.config == HardwareConfig(num_pe=4)
    assert [encode_image(program)] == emitted("image", mod, prepared)


@pytest.mark.parametrize("stage", STAGE.values[:-1])
def test_text_for_the_screen_elides_large_constants(stage, mod, prepared):
    (short,) = emitted(stage, mod, prepared, complete=False)
    (whole,) = emitted(stage, mod, prepared)
    assert len(short) < len(whole)
    assert max(map(len, short.splitlines())) < max(map(len, whole.splitlines()))


def test_elided_eie_text_keeps_small_constants_and_says_so(mod, prepared):
    (text,) = emitted("eie", mod, prepared, complete=False)
    assert text.count("elided_") == 4  # the codes of both layers, and what only reports read
    assert 16 * 24 > ELIDE_BYTES
    with pytest.raises(eie.EieError, match="is elided; print the program with its constants"):
        from_dialect(parse_program(text))


@pytest.mark.parametrize("stage", STAGE.values)
def test_forms_are_the_same_every_time(stage, mod, x):
    one, two = (
        emit(stage, mod, lambda: compiler.prepare(mod, TARGET, Recipe(), x), TARGET)
        for _ in range(2)
    )
    assert one == two
