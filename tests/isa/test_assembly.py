"""Programs as text: print, parse and the laws between them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eie_backend import HardwareConfig, encode
from eie_backend.epilogues import EPILOGUES
from eie_backend.errors import EncodingError
from eie_backend.isa.assembly import from_dialect, parse_program, print_program, to_dialect
from eie_backend.isa.elide_constants import ELIDE_BYTES
from eie_backend.isa.image import encode_image
from eie_backend.isa.instructions import BY_NAME, INSTRUCTIONS
from eie_backend.isa.program import Program, Step
from eie_backend.isa.source_file import SEPARATOR, assemble, disassemble

TWO_PES = HardwareConfig(num_pe=2)
names = st.text(max_size=8) | st.sampled_from(["fc1", "/a/MatMul", 'q"\\', "größe", "a\nb\x00"])
# Without -0.0: xDSL prints mixed zeros as one.
float32s = st.floats(width=32, allow_nan=False, allow_infinity=False).map(lambda x: x + 0.0)
int32s = st.integers(-(2**31), 2**31 - 1)


@st.composite
def steps(draw, layers, counts, among=INSTRUCTIONS):
    """Draw any instruction with any operands; only what it counts must be there."""
    possible = [i for i in among if all(counts.get(spec.name, 1) for spec in i.fields)]
    instruction = draw(st.sampled_from(possible))
    operands = {}
    for spec in instruction.fields:
        high = counts[spec.name] - 1 if spec.name in counts else spec.high
        operands[spec.name] = draw(st.sampled_from([spec.low, high]) | st.integers(spec.low, high))
    if "epilogue" in operands:
        epilogue = draw(st.sampled_from(EPILOGUES))
        highest = min(epilogue.highest_words)
        operands |= {"epilogue": epilogue.number, "parameter": draw(st.integers(0, highest))}
    return Step(instruction.name, operands, draw(st.integers(0, layers - 1)))


@st.composite
def matrices(draw, config, words, dtype):
    rows, cols = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    codebook = draw(st.lists(words, max_size=config.codebook_entries - 1))
    codes = st.lists(st.integers(0, len(codebook)), min_size=rows, max_size=rows)
    columns = np.array([draw(codes) for _ in range(cols)]).T
    bias = draw(st.none() | codes)
    encoded = encode(columns, np.zeros(len(codebook) + 1), config, bias)
    full = np.zeros(config.codebook_entries, dtype)
    full[1 : len(codebook) + 1] = codebook
    return replace(encoded, codebook=full)


@st.composite
def programs(draw):
    """Draw a program of any form; it need not make sense to the machine."""
    is_float = draw(st.booleans())
    dtype, words = (np.float32, float32s) if is_float else (np.int32, int32s)
    config = HardwareConfig(num_pe=draw(st.integers(1, 4)), codebook_bits=draw(st.integers(2, 4)))
    layers = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    tiles = draw(st.lists(matrices(config, words, dtype), max_size=2))
    biases = draw(st.lists(st.lists(words), max_size=2))
    counts = {"matrix": len(tiles), "bias": len(biases)}
    loads = steps(len(layers), counts, [BY_NAME["load_matrix"]])
    return Program(
        symbol=draw(names),
        config=config,
        arithmetic="float32" if is_float else "int16",
        inputs=draw(st.integers(0, 2**32 - 1)),
        outputs=draw(st.integers(0, 2**32 - 1)),
        layers=tuple(layers),
        matrices=tuple(tiles),
        biases=tuple(np.array(bias, dtype) for bias in biases),
        setup=tuple(draw(st.lists(loads, max_size=2 if tiles else 0))),
        steps=tuple(draw(st.lists(steps(len(layers), counts), max_size=4))),
        manifest=draw(st.dictionaries(names, names, max_size=2)),
    )


def small_program(**changes):
    codes = np.array([[1, 0, 3], [0, 2, 0]])
    program = Program(
        symbol="f",
        config=TWO_PES,
        arithmetic="float32",
        inputs=3,
        outputs=2,
        layers=("fc1",),
        matrices=(encode(codes, [0, 0.5, -1, 2], TWO_PES, [1, 1]),),
        biases=(np.array([1, -1], np.float32),),
        setup=(Step("load_matrix", {"matrix": 0}, 0),),
        steps=(Step("mvm", {"matrix": 0, "src_row": 2, "shift": -3, "frac_bits": 4}, 0),),
        manifest={"model": "abc"},
    )
    return replace(program, **changes)


UNKNOWN = "are missing or unknown; correct these fields"
TEXT = print_program(to_dialect(small_program()))
PROGRAM = TEXT.removeprefix("builtin.module {\n").removesuffix("}\n")


def image_of(text):
    return encode_image(from_dialect(parse_program(text)))


def refused(text):
    with pytest.raises(EncodingError) as error:
        image_of(text)
    return str(error.value)


def edited(old, new):
    assert TEXT.count(old) == 1
    return TEXT.replace(old, new)


# A program takes long to draw: half as many as of other properties, and fewer of several.
FEWER, FEWEST = (settings(max_examples=settings.default.max_examples // n) for n in (2, 6))


@FEWER
@given(program=programs())
def test_the_dialect_has_the_image_of_the_program(program):
    assert encode_image(from_dialect(to_dialect(program))) == encode_image(program)


@FEWER
@given(program=programs())
def test_the_text_has_the_image_of_the_program(program):
    assert image_of(print_program(to_dialect(program))) == encode_image(program)


@FEWEST
@given(found=st.lists(programs(), min_size=1, max_size=3))
def test_a_file_of_programs_has_the_images_of_the_programs(found):
    text = disassemble(found)
    assert text.count(f"{SEPARATOR}\n") == len(found) - 1
    assert [encode_image(p) for p in assemble(text)] == [encode_image(p) for p in found]


@FEWEST
@given(program=programs())
def test_printing_parsing_and_printing_changes_nothing(program):
    module = to_dialect(program)
    text = print_program(module)
    assert print_program(module) == text
    assert print_program(parse_program(text)) == text
    assert print_program(to_dialect(from_dialect(parse_program(text)))) == text


def test_the_text_of_a_program():
    config = ", ".join(f"{name} = {value} : i64" for name, value in TWO_PES.to_dict().items())
    assert TEXT == (
        "builtin.module {\n"
        f'  eie.program "f" "float32" inputs = 3, outputs = 2 layers ["fc1"] config {{{config}}} '
        'manifest {model = "abc"} {\n'
        "    eie.matrix bias_column codes = dense<[[1, 0, 3, 1], [0, 2, 0, 1]]> : tensor<2x4xi8>, "
        "codebook = dense<[0.000000e+00, 5.000000e-01, -1.000000e+00, 2.000000e+00]> : "
        "tensor<4xf32>\n"
        "    eie.bias dense<[1.000000e+00, -1.000000e+00]> : tensor<2xf32>\n"
        "    eie.setup {\n"
        '      eie.load_matrix "fc1" matrix = 0\n'
        "    }\n"
        "    eie.run {\n"
        '      eie.mvm "fc1" matrix = 0, src_row = 2, shift = -3, frac_bits = 4\n'
        "    }\n"
        "  }\n"
        "}\n"
    )


def test_a_used_codebook_entry_may_be_zero():
    """Fixed point rounds tiny weights to 0; the codes still name them."""
    words = np.array([0, -5, 0, *[0] * 13], np.int32)
    matrix = replace(encode([[1, 2]], [0, 1, 2], TWO_PES), codebook=words)
    program = small_program(arithmetic="int16", matrices=(matrix,), biases=())
    assert image_of(print_program(to_dialect(program))) == encode_image(program)


@pytest.mark.parametrize("value", [0.1, 123456, 999999, 1e6, 1000001, 16777217, 2**30 + 128, 1e-45])
def test_floats_come_back_to_the_bit(value):
    program = small_program(biases=(np.array([value, -value], np.float32),))
    assert image_of(print_program(to_dialect(program))) == encode_image(program)


@pytest.mark.parametrize("layers", [("fc1", "fc2"), ("fc2", "fc1"), ("fc1", "unused", "fc2")])
def test_layers_keep_their_numbers(layers):
    steps = tuple(Step("clear", {}, layers.index(name)) for name in ("fc1", "fc2"))
    program = small_program(layers=layers, setup=(), steps=steps)
    assert image_of(print_program(to_dialect(program))) == encode_image(program)


def test_a_splat_is_every_element():
    text = edited("dense<[[1, 0, 3, 1], [0, 2, 0, 1]]>", "dense<1>")
    codes = from_dialect(parse_program(text)).matrices[0].codes()
    assert codes.tolist() == [[1] * 4] * 2


def wide_program():
    codes = np.arange(ELIDE_BYTES + 1)[None] % 4
    return small_program(
        matrices=(encode(codes, [0, 0.5, -1, 2], TWO_PES),),
        biases=(np.arange(ELIDE_BYTES // 4, dtype=np.float32),),
    )


def test_elided_text_hides_what_is_larger_than_the_limit():
    module = to_dialect(wide_program())
    shown = print_program(module, elide=True)
    assert shown.count("dense_resource<elided_") == 1
    assert f": tensor<1x{ELIDE_BYTES + 1}xi8>" in shown
    assert print_program(module, elide=True) == shown
    assert image_of(print_program(module)) == encode_image(wide_program())
    assert print_program(to_dialect(small_program()), elide=True) == TEXT


def test_elided_text_names_the_data():
    one, other = wide_program(), wide_program()
    other = replace(other, matrices=(encode(1 - np.eye(1, 129, dtype=int), [0, 1], TWO_PES),))
    assert print_program(to_dialect(one), elide=True) != print_program(
        to_dialect(other), elide=True
    )


def test_elided_text_is_not_a_program():
    text = print_program(to_dialect(wide_program()), elide=True)
    elided = text[text.index("dense_resource<") : text.index(", codebook = ")]
    assert refused(text) == (
        f"eie text: constant {elided} is elided; print the program with its constants"
    )


@pytest.mark.parametrize(
    ("spec", "value"),
    [(spec, v) for spec in BY_NAME["mvm"].fields for v in (spec.low - 1, spec.high + 1, 1 << 40)],
    ids=lambda x: getattr(x, "name", str(x)),
)
def test_an_operand_out_of_range_is_named_with_its_value(spec, value):
    written = {"matrix": "matrix = 0, src", "src_row": "2", "shift": "-3", "frac_bits": "4"}
    old = f"{spec.name} = {written[spec.name]}" if spec.name != "matrix" else written["matrix"]
    new = f"{spec.name} = {value}" if spec.name != "matrix" else f"matrix = {value}, src"
    assert refused(edited(old, new)) == (
        f"eie text: eie.mvm: {spec.name} = {value} is outside {spec.low}..{spec.high}; "
        "correct the text"
    )


def test_a_config_is_checked():
    message = refused(edited("num_pe = 2", "num_pe = 0"))
    assert message.startswith("eie text: impossible HardwareConfig: num_pe = 0 is outside 1..1024")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (TEXT, "builtin.module {}", "0 eie.program operations; give exactly one"),
        (
            TEXT,
            PROGRAM + PROGRAM.replace('"f"', '"g"'),
            "2 eie.program operations; give exactly one",
        ),
        (
            '"float32"',
            '"int4"',
            "arithmetic 'int4' is none of ('float32', 'int16', 'int8', 'int32')",
        ),
        ("num_pe = 2 : i64, ", "", f"config fields ['num_pe'] {UNKNOWN}"),
        ("num_pe = ", "pes = 3 : i64, num_pe = ", f"config fields ['pes'] {UNKNOWN}"),
        ("num_pe = 2 : i64", 'num_pe = "2"', f"config fields ['num_pe'] {UNKNOWN}"),
        ('eie.mvm "fc1"', 'eie.mvm "fc2"', "layer 'fc2' is none of ['fc1']"),
        ("eie.mvm", "eie.mwm", "line 9, column 15: Operation eie.mwm is not registered"),
        ("2x4xi8", "2x4xi32", "constant of type tensor<2x4xi32>; it must be of i8"),
        ("4xf32", "4xf64", "constant of type tensor<4xf64>; it must be of f32"),
        ("2xf32", "2xi32", "constant of type tensor<2xi32>; it must be of f32"),
    ],
)
def test_text_that_is_not_a_program(old, new, message):
    text = new if old is TEXT else edited(old, new)
    if "xi32" in new:
        text = text.replace("[1.000000e+00, -1.000000e+00]", "[1, -1]")
    remedy = "" if "; give" in message else "; correct the text"
    assert refused(text) == f"eie text: {message}{remedy}"


@pytest.mark.parametrize("text", ["", "nonsense", TEXT[:-10], edited("inputs = 3", "inputs = x")])
def test_a_syntax_error_is_one_line(text):
    message = refused(text)
    assert message.startswith("eie text: ")
    assert "\n" not in message


def test_codes_outside_the_codebook_are_refused():
    assert refused(edited("[[1, 0, 3, 1]", "[[1, 0, 4, 1]")) == (
        "eie text: matrix 0 has code 4; its codebook has 0..3; correct the text"
    )


def test_a_syntax_error_says_where_also_in_a_later_part():
    with pytest.raises(EncodingError) as error:
        assemble(f"{TEXT}{SEPARATOR}\n{edited('eie.mvm', 'eie.mwm')}")
    line = TEXT.count("\n") + 1 + 9
    assert str(error.value) == (
        f"eie text: line {line}, column 15: Operation eie.mwm is not registered; correct the text"
    )
