"""Images: the bytes come back, and altered bytes are refused."""

import struct
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_bytes import HEADER_BYTES, join, split, with_checksums, with_section

from eie_backend import HardwareConfig, encode
from eie_backend.errors import EncodingError, ImageError
from eie_backend.isa.image import decode_image, encode_image
from eie_backend.isa.instructions import INSTRUCTIONS
from eie_backend.isa.program import Program, Step

seeds = st.integers(0, 2**32 - 1)


def random_step(rng, layers):
    instruction = rng.choice(INSTRUCTIONS)
    operands = {
        spec.name: int(rng.choice([spec.low, spec.high, rng.integers(spec.low, spec.high + 1)]))
        for spec in instruction.fields
    }
    return Step(instruction.name, operands, int(rng.integers(layers)))


def random_program(rng):
    """Draw a program of any form; it need not make sense to the machine."""
    is_float = bool(rng.integers(2))
    config = HardwareConfig(num_pe=int(rng.integers(1, 9)), codebook_bits=int(rng.integers(2, 8)))
    matrices, biases = [], []
    for _ in range(rng.integers(3)):
        shape = rng.integers(1, 40, 2)
        codes = rng.integers(0, 4, shape) * (rng.random(shape) < 0.5)
        bias = codes[:, 0] if rng.random() < 0.5 else None
        matrix = encode(codes, [0, *rng.normal(size=3)], config, bias)
        words = rng.integers(-(2**15), 2**15, config.codebook_entries).astype(np.int32)
        matrices.append(matrix if is_float else replace(matrix, codebook=words))
        integers = rng.integers(-(2**31), 2**31, shape[0]).astype(np.int32)
        biases.append(rng.normal(size=shape[0]).astype(np.float32) if is_float else integers)
    names = ["fc1", "", "/a/MatMul", "größe", "a\nb\x00"]
    layers = tuple(names[: rng.integers(1, 6)])
    return Program(
        symbol=str(rng.choice(["f", "größe", ""])),
        config=config,
        arithmetic="float32" if is_float else "int16",
        inputs=int(rng.integers(2**32)),
        outputs=int(rng.integers(2**32)),
        layers=layers,
        matrices=tuple(matrices),
        biases=tuple(biases),
        setup=tuple(random_step(rng, len(layers)) for _ in range(rng.integers(3))),
        steps=tuple(random_step(rng, len(layers)) for _ in range(rng.integers(5))),
        manifest={"model": "größe", "b": "", "a": '"{'} if rng.integers(2) else {},
    )


def small_program():
    config = HardwareConfig(num_pe=2)
    codes = np.array([[1, 0, 3], [0, 2, 0]], np.uint8)
    return Program(
        symbol="f",
        config=config,
        arithmetic="float32",
        inputs=3,
        outputs=2,
        layers=("fc1",),
        matrices=(encode(codes, [0, 0.5, -1, 2], config),),
        biases=(np.array([1, -1], np.float32),),
        setup=(Step("load_matrix", {"matrix": 0}, 0),),
        steps=(Step("clear", {}, 0),),
        manifest={"model": "abc"},
    )


IMAGE = encode_image(small_program())


def refused(image):
    with pytest.raises(ImageError) as error:
        decode_image(image)
    return str(error.value)


@given(seed=seeds)
def test_decode_undoes_encode(seed):
    program = random_program(np.random.default_rng(seed))
    image = encode_image(program)
    (decoded,) = decode_image(image)
    assert encode_image(decoded) == image
    for name in ("symbol", "config", "arithmetic", "inputs", "outputs", "layers", "manifest"):
        assert getattr(decoded, name) == getattr(program, name)
    assert (decoded.setup, decoded.steps) == (program.setup, program.steps)
    for got, given_ in zip(decoded.matrices, program.matrices, strict=True):
        assert got.codes().tolist() == given_.codes().tolist()
        assert got.codebook.tolist() == given_.codebook.tolist()
        assert got.has_bias_column == given_.has_bias_column
    for got, given_ in zip(decoded.biases, program.biases, strict=True):
        assert got.tolist() == given_.tolist()


def test_equal_programs_give_equal_bytes():
    other = replace(small_program(), manifest={"b": "2", "a": "1"})
    assert encode_image(small_program()) == IMAGE
    assert encode_image(other) == encode_image(replace(other, manifest={"a": "1", "b": "2"}))


def test_a_step_is_of_a_layer_that_the_image_has():
    with pytest.raises(ImageError, match="layer 0, the program has 0"):
        decode_image(encode_image(replace(small_program(), layers=())))


def test_every_truncation_is_refused():
    for size in range(len(IMAGE)):
        refused(IMAGE[:size])


def test_every_truncation_with_valid_checksums_is_refused():
    for size in range(HEADER_BYTES, len(IMAGE)):
        message = refused(with_checksums(IMAGE[:size]))
        assert message.startswith("image: malformed: ")
        assert message.endswith("; compile the model again")


def test_every_changed_byte_is_refused():
    for at in range(len(IMAGE)):
        for change in (1, 0x80, 0xFF):
            altered = bytearray(IMAGE)
            altered[at] ^= change
            refused(bytes(altered))


@settings(max_examples=300)
@given(
    seed=seeds,
    changes=st.lists(
        st.tuples(st.integers(0), st.sampled_from([0, 1, 0x7F, 0x80, 0xFF])), max_size=4
    ),
)
def test_bytes_with_a_valid_checksum_are_a_program_or_an_image_error(seed, changes):
    altered = bytearray(encode_image(random_program(np.random.default_rng(seed))))
    for at, value in changes:
        altered[HEADER_BYTES + at % (len(altered) - HEADER_BYTES)] = value
    try:
        programs = decode_image(with_checksums(bytes(altered)))
    except ImageError:
        return
    assert all(isinstance(program, Program) for program in programs)


def with_manifest(text):
    """Return the image of a program with another manifest, its record's length corrected."""
    record = dict(split(IMAGE))[b"PROG"]
    old, new = (struct.pack("<I", len(t)) + t for t in (b'{"model": "abc"}', text.encode()))
    assert old in record
    body = record[4:].replace(old, new)
    return with_section(IMAGE, b"PROG", struct.pack("<I", len(body)) + body)


@pytest.mark.parametrize("text", ["[" * 100_000, "5", "[]", '{"a": 1}', "{", '{"a": NaN}'])
def test_a_manifest_is_text_by_name(text):
    assert refused(with_manifest(text)).startswith("image: malformed: ")


@pytest.mark.parametrize(
    ("altered", "message"),
    [
        (
            IMAGE[:-16] + b"\xfe" + IMAGE[-15:],
            "unknown opcode 254; known are [1, 2, 3, 4, 5, 6, 7]",
        ),
        (
            IMAGE[:-1] + b"\1",
            "eie.clear: bits outside its fields are set in 03000000000000000000000000000001; clear "
            "them",
        ),
    ],
)
def test_what_is_malformed_is_said(altered, message):
    assert refused(with_checksums(altered)) == (
        f"image: malformed: {message}; compile the model again"
    )


def test_an_operand_out_of_range_is_never_cut():
    steps = (Step("load_matrix", {"matrix": 1 << 16}, 0),)
    with pytest.raises(EncodingError, match=r"matrix = 65536 is outside 0\.\.65535"):
        encode_image(replace(small_program(), steps=steps))


# Several programs


def second_program():
    """Return a program with one of the first one's matrices, its table and its bias, and more."""
    first = small_program()
    (matrix,) = first.matrices
    codes = np.array([[0, 2], [1, 0]], np.uint8)
    other = replace(encode(codes, [0, 1, 1], first.config), codebook=matrix.codebook.copy())
    own = np.array([3, 4, 5], np.float32)
    return replace(
        first, symbol="g", layers=("a", "b"), matrices=(other, matrix), biases=(own, *first.biases)
    )


def test_programs_share_what_is_equal():
    first, second = small_program(), second_program()
    image = encode_image(first, second)
    sections = split(image)
    assert [tag for tag, _ in sections] == [b"CONF", b"SETS", b"MATR", b"BIAS", b"PROG", b"PROG"]
    alone = dict(split(encode_image(second)))
    assert {len(dict(sections)[tag]) - len(alone[tag]) for tag in (b"SETS", b"MATR", b"BIAS")} == {
        0
    }
    found = decode_image(image)
    assert [program.symbol for program in found] == ["f", "g"]
    assert found[0].matrices[0] is found[1].matrices[1]
    assert found[0].biases[0] is found[1].biases[1]
    assert [encode_image(p) for p in found] == [encode_image(first), encode_image(second)]


def test_equal_matrices_of_one_program_stay_two():
    twice = replace(small_program(), matrices=small_program().matrices * 2)
    (found,) = decode_image(encode_image(twice))
    assert len(found.matrices) == 2
    assert dict(split(encode_image(twice)))[b"MATR"] == dict(split(IMAGE))[b"MATR"]


def test_programs_that_differ_in_one_value_share_nothing_of_it():
    first = small_program()
    codebook = first.matrices[0].codebook.copy()
    codebook[1] = 0.75
    second = replace(first, symbol="g", matrices=(replace(first.matrices[0], codebook=codebook),))
    one, other = decode_image(encode_image(first, second))
    assert [p.matrices[0].codebook[1] for p in (one, other)] == [0.5, 0.75]


@pytest.mark.parametrize(
    ("programs", "message"),
    [
        ((), "an image of no program; give at least one"),
        (
            (small_program(), small_program()),
            r"several programs are called \['f'\]; give each a name of its own",
        ),
        (
            (small_program(), replace(small_program(), symbol="g", config=HardwareConfig())),
            "f, g: made for different machines; encode an image for each machine",
        ),
    ],
)
def test_programs_that_cannot_share_an_image(programs, message):
    with pytest.raises(EncodingError, match=f"^{message}$"):
        encode_image(*programs)


def test_two_programs_of_one_symbol_are_refused():
    sections = split(IMAGE)
    twice = join([*sections, sections[-1]])
    assert refused(twice) == (
        "image: malformed: several programs are called ['f']; compile the model again"
    )
