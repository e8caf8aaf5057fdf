"""Images: the bytes come back, and altered bytes are refused."""

import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eie_backend import HardwareConfig, encode
from eie_backend.errors import EncodingError, ImageError
from eie_backend.isa.image import (
    HEADER_BYTES,
    MAGIC,
    VERSION,
    decode_image,
    encode_config,
    encode_image,
    encode_matrix,
)
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


def with_checksum(image):
    body = image[HEADER_BYTES:]
    return image[: HEADER_BYTES - 4] + struct.pack("<I", zlib.crc32(body)) + body


def refused(image):
    with pytest.raises(ImageError) as error:
        decode_image(image)
    return str(error.value)


@given(seed=seeds)
def test_decode_undoes_encode(seed):
    program = random_program(np.random.default_rng(seed))
    image = encode_image(program)
    decoded = decode_image(image)
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


def test_the_layout_of_the_header():
    config = small_program().config
    assert IMAGE[:8] == b"EIEIMAGE"
    assert struct.unpack_from("<2I", IMAGE, 8) == (VERSION, zlib.crc32(IMAGE[16:]))
    sizes = [*config.to_dict().values()]
    assert encode_config(config) == struct.pack("<13I", 12, *sizes)
    assert IMAGE[16:].startswith(encode_config(config) + struct.pack("<3I", 0, 3, 2))


@pytest.mark.parametrize(("weights", "pointer_bytes"), [(65535, 2), (65536, 4)])
def test_pointers_take_two_bytes_while_they_fit(weights, pointer_bytes):
    codes = np.arange(65536).reshape(16, 4096).T < weights
    matrix = encode(codes.astype(np.uint8), [0, 1], matrix_config(1))
    record = encode_matrix(matrix)
    assert struct.unpack_from("<4I", record) == (4096, 16, 0, pointer_bytes)
    assert len(record) == 16 + 4 * 16 + 17 * pointer_bytes + 4 + weights
    image = encode_image(replace(small_program(), config=matrix_config(1), matrices=(matrix,)))
    assert decode_image(image).matrices[0].pointers[0, -1] == weights


def test_a_matrix_is_checked():
    """Its pointers rise and end with its entries, and its rows fit the registers."""
    config = matrix_config(1)
    good = encode(np.ones((3, 2), np.uint8), [0, 1], config)
    for bad, message in (
        (replace(good, rows=4097), "matrix of 4097 x 2: at most 4096 fit registers"),
        (replace(good, pointers=np.array([[0, 9, 6]], np.uint32)), "do not rise from 0"),
        (replace(good, pointers=np.array([[1, 3, 6]], np.uint32)), "do not rise from 0"),
        (replace(good, entries=good.entries[1:]), "5 entries, but the pointers end at 6"),
    ):
        image = encode_image(replace(small_program(), config=config, matrices=(bad,)))
        with pytest.raises(ImageError, match=message):
            decode_image(image)
    with pytest.raises(EncodingError, match="an entry is of row 2, the matrix has 2"):
        replace(good, rows=2).codes()


def test_a_step_is_of_a_layer_that_the_image_has():
    with pytest.raises(ImageError, match="layer 0, the image has 0"):
        decode_image(encode_image(replace(small_program(), layers=())))


def matrix_config(num_pe):
    return HardwareConfig(num_pe=num_pe, act_registers=4096)


def test_every_truncation_is_refused():
    for size in range(len(IMAGE)):
        refused(IMAGE[:size])


def test_every_truncation_with_a_valid_checksum_is_refused():
    for size in range(HEADER_BYTES, len(IMAGE)):
        message = refused(with_checksum(IMAGE[:size]))
        assert message.startswith("image: malformed: truncated at byte ")
        assert message.endswith(" left; compile the model again")


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
        program = decode_image(with_checksum(bytes(altered)))
    except ImageError:
        return
    assert isinstance(program, Program)


def with_manifest(text):
    old = b'{"model": "abc"}'
    new = text.encode()
    assert struct.pack("<I", len(old)) + old in IMAGE
    return with_checksum(
        IMAGE.replace(struct.pack("<I", len(old)) + old, struct.pack("<I", len(new)) + new)
    )


@pytest.mark.parametrize("text", ["[" * 100_000, "5", "[]", '{"a": 1}', "{", '{"a": NaN}'])
def test_a_manifest_is_text_by_name(text):
    assert refused(with_manifest(text)).startswith("image: malformed: ")


def test_something_else_is_not_an_image():
    assert refused(b"\x7fELF and more") == (
        "image: starts with b'\\x7fELF and', not with b'EIEIMAGE'; this is not an eie image"
    )
    assert refused(b"") == "image: starts with b'', not with b'EIEIMAGE'; this is not an eie image"


@pytest.mark.parametrize("size", [8, 12, 15])
def test_a_cut_header_is_truncated(size):
    assert refused(IMAGE[:size]) == (
        f"image: truncated: {size} bytes, the header has 16; compile the model again"
    )


def test_another_version():
    assert refused(MAGIC + struct.pack("<2I", VERSION + 1, 0)) == (
        f"image: version {VERSION + 1}, this package reads {VERSION}; compile the model again"
    )


def test_a_wrong_checksum():
    assert refused(IMAGE + b"\0") == (
        "image: checksum mismatch: truncated or altered; compile the model again"
    )


@pytest.mark.parametrize(
    ("altered", "message"),
    [
        (IMAGE + b"\0", "bytes follow the last instruction"),
        (
            IMAGE[:-16] + b"\xfe" + IMAGE[-15:],
            "unknown opcode 254; known are [1, 2, 3, 4, 5, 6, 7]",
        ),
        (
            IMAGE[:-1] + b"\1",
            "eie.clear: bits outside its fields are set in 03000000000000000000000000000001; clear "
            "them",
        ),
        (
            IMAGE[:20] + b"\0" + IMAGE[21:],
            "impossible HardwareConfig: num_pe = 0 is outside 1..1024 PEs; correct these fields",
        ),
    ],
)
def test_what_is_malformed_is_said(altered, message):
    assert refused(with_checksum(altered)) == (
        f"image: malformed: {message}; compile the model again"
    )


def test_an_operand_out_of_range_is_never_cut():
    steps = (Step("load_matrix", {"matrix": 1 << 16}, 0),)
    with pytest.raises(EncodingError, match=r"matrix = 65536 is outside 0\.\.65535"):
        encode_image(replace(small_program(), steps=steps))
