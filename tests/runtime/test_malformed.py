"""Impossible programs, damaged bytes and wrong tensors are refused; nothing crashes."""

import re
from dataclasses import replace

import numpy as np
import pytest
import tvm_ffi
from hypothesis import given, settings
from hypothesis import strategies as st
from image_bytes import HEADER_BYTES, with_checksums
from machines import call, load_image, profile, random_program, run_image

from eie_backend.config import HardwareConfig
from eie_backend.errors import ImageError
from eie_backend.isa.image import decode_image, encode_image
from eie_backend.isa.program import Program, Step
from eie_backend.machine.encoding import encode
from eie_backend.runtime import runtime

RELU = {"epilogue": 1, "parameter": 0}

seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module", autouse=True)
def loaded():
    runtime()


def small_program():
    config = HardwareConfig(num_pe=2, spmat_sram_bytes=64, act_sram_bytes=64)
    codes = np.array([[1, 0, 3], [0, 2, 0], [0, 0, 1], [3, 1, 0]], np.uint8)
    matrix = encode(codes, [0, 1, -1, 2], config, [0, 1, 0, 2])
    act = {"count": 3, "frac_bits": 4}
    return Program(
        symbol="f",
        config=config,
        arithmetic="int16",
        inputs=3,
        outputs=4,
        layers=("a",),
        matrices=(replace(matrix, codebook=matrix.codebook.astype(np.int32)),),
        biases=(np.arange(4, dtype=np.int32),),
        setup=(Step("load_matrix", {"matrix": 0}, 0),),
        steps=(
            Step("load_act", {"src": 0, "dst_row": 0, **act}, 0),
            Step("load_bias", {"bias": 0}, 0),
            Step("mvm", {"matrix": 0, "src_row": 0, "shift": 0, "frac_bits": 4}, 0),
            Step(
                "write_back",
                {"dst_row": 2, "count": 4, **RELU, "shift": 0},
                0,
            ),
            Step("store_act", {"src_row": 2, "dst": 0, "count": 4, "frac_bits": 4}, 0),
        ),
    )


def with_step(index, **operands):
    steps = list(small_program().steps)
    steps[index] = replace(steps[index], operands={**steps[index].operands, **operands})
    return replace(small_program(), steps=tuple(steps))


def with_matrix(**fields):
    program = small_program()
    return replace(program, matrices=(replace(program.matrices[0], **fields),))


def with_config(**sizes):
    return replace(small_program(), config=replace(small_program().config, **sizes))


def with_setup(*steps):
    return replace(small_program(), setup=steps)


WIDE = encode(np.ones((1, 40), np.uint8), [0, 1], HardwareConfig(num_pe=2))
WIDE = replace(WIDE, codebook=WIDE.codebook.astype(np.int32))
POINTERS = small_program().matrices[0].pointers
ENTRIES = small_program().matrices[0].entries


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (with_step(2, matrix=7), "instruction 2 (mvm of a): matrix = 7, the program has 1"),
        (with_step(1, bias=1), "instruction 1 (load_bias of a): bias = 1, the program has 1"),
        (with_step(0, count=4), "instruction 0 (load_act of a): count = 4, allowed is 0..3"),
        (with_step(0, dst_row=31), "instruction 0 (load_act of a): dst_row = 31, allowed is 0..30"),
        (with_step(0, frac_bits=65), "frac_bits = 65, allowed is -64..64"),
        (with_step(2, src_row=31), "instruction 2 (mvm of a): src_row = 31, allowed is 0..30"),
        (with_step(2, shift=63), "instruction 2 (mvm of a): shift = 63, allowed is -40..62"),
        (with_step(2, frac_bits=31), "instruction 2 (mvm of a): frac_bits = 31, allowed is 0..30"),
        (with_step(3, count=129), "(write_back of a): count = 129, allowed is 0..128"),
        (with_step(3, dst_row=31), "(write_back of a): dst_row = 31, allowed is 0..30"),
        (with_step(3, shift=-41), "(write_back of a): shift = -41, allowed is -40..62"),
        (with_step(4, count=5), "(store_act of a): count = 5, allowed is 0..4"),
        (with_step(0, src=1), "instruction 0 (load_act of a): src = 1, allowed is 0..0"),
        (with_step(4, dst=1), "instruction 4 (store_act of a): dst = 1, allowed is 0..0"),
        (with_step(4, src_row=31), "(store_act of a): src_row = 31, allowed is 0..30"),
        (with_setup(), "instruction 2 (mvm of a): matrix 0 is not loaded"),
        (with_setup(Step("clear", {}, 0)), "setup instruction 0 (clear of a): only load_matrix"),
        (with_setup(Step("load_matrix", {"matrix": 0}, 1)), "layer = 1, the program has 1"),
        (with_config(act_registers=1), "(load_matrix of a): rows = 4, allowed is 1..2"),
        (with_config(ptr_sram_bytes=8), "pointers of a PE = 5, allowed is 2..4"),
        (replace(with_config(ptr_bits=4), matrices=(WIDE,)), "entries of a PE = 40, allowed is"),
        (replace(small_program(), inputs=0), "inputs = 0, at least 1 is needed"),
        (replace(small_program(), outputs=0), "outputs = 0, at least 1 is needed"),
        (with_matrix(rows=0), "matrix rows = 0, allowed is 1..16777216"),
        (with_matrix(cols=0), "matrix cols = 0, allowed is 1..16777216"),
        (with_matrix(pointers=POINTERS + np.uint32(1)), "PE 0: first pointer is 1, not 0"),
        (with_matrix(pointers=POINTERS[:, ::-1] * [0, 1, 1, 1, 1]), "follows"),
        (with_matrix(entries=ENTRIES[:-1]), "entries, but the pointers end at"),
        (with_matrix(entries=ENTRIES & 0xF0), "is not a padding"),
        (with_matrix(entries=ENTRIES | 0xF0), "is past the last row"),
        (with_matrix(codebook=np.ones(16, np.int32)), "codebook entry 0 is not 0"),
        (
            with_matrix(codebook=np.arange(16, dtype=np.int32) * 10000),
            "codebook word = 40000, allowed is -32768..32767",
        ),
        (
            replace(with_config(accumulator_bits=16), biases=(np.full(4, 32768, np.int32),)),
            "bias value = 32768, allowed is -32768..32767",
        ),
        (
            replace(small_program(), biases=(np.zeros(129, np.int32),)),
            "length of the bias = 129, allowed is 0..128",
        ),
    ],
)
def test_an_impossible_program_is_refused(program, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        load_image(encode_image(program))


def two_matrices(**sizes):
    program = with_config(**sizes)
    return replace(
        program,
        matrices=program.matrices * 2,
        setup=tuple(Step("load_matrix", {"matrix": i}, 0) for i in range(2)),
    )


def test_resident_matrices_share_the_weight_sram_in_whole_words():
    word = {"spmat_width_bits": 256, "spmat_sram_bytes": 64}  # 32 bytes: one word per matrix
    load_image(encode_image(two_matrices(**word)))
    with pytest.raises(ValueError, match="weight SRAM bytes of all matrices in a PE = 128"):
        load_image(encode_image(two_matrices(**{**word, "spmat_width_bits": 512})))


def test_resident_matrices_share_the_pointer_sram():
    load_image(encode_image(two_matrices(ptr_sram_bytes=20)))
    with pytest.raises(ValueError, match=r"of all matrices in a PE = 10, allowed is 0\.\.9"):
        load_image(encode_image(two_matrices(ptr_sram_bytes=19)))


def test_a_streamed_matrix_replaces_the_one_before_it():
    program = two_matrices()
    loads, (*before, _, _, _) = program.setup, program.steps
    mvm = program.steps[2]
    load_image(encode_image(replace(program, setup=(), steps=(*before, loads[0], mvm))))
    steps = (*before, *loads, mvm)
    with pytest.raises(ValueError, match="matrix 0 is not loaded"):
        load_image(encode_image(replace(program, setup=(), steps=steps)))


def test_every_truncation_is_refused():
    image = encode_image(small_program())
    for size in range(len(image)):
        with pytest.raises(ValueError, match="image: "):
            load_image(image[:size])
        if size >= HEADER_BYTES:
            with pytest.raises(ValueError, match="image: "):
                load_image(with_checksums(image[:size]))


def test_every_changed_byte_is_refused():
    image = encode_image(small_program())
    for at in range(len(image)):
        for change in (1, 0x80, 0xFF):
            altered = bytearray(image)
            altered[at] ^= change
            with pytest.raises(ValueError, match="image: "):
                load_image(bytes(altered))


def load_and_run(image):
    """Run the image if it is accepted; return whether it was."""
    try:
        module = load_image(image)
    except ValueError:
        return False
    try:
        programs = decode_image(image)
    except ImageError:  # for what people and Python read
        return True
    for program in programs:
        if max(program.inputs, program.outputs) <= 1 << 16:
            tensors = [f32(program.inputs) + 1, f32(program.outputs)]
            function = module[program.symbol]
            profile(lambda f=function, t=tensors: f(*map(tvm_ffi.from_dlpack, t)))
    return True


def test_no_single_byte_with_a_valid_checksum_crashes():
    image = encode_image(small_program())
    accepted = 0
    for at in range(HEADER_BYTES, len(image)):
        for value in (0, 1, 0x7F, 0x80, 0xFF, image[at] ^ 1, image[at] ^ 16):
            altered = bytearray(image)
            altered[at] = value
            accepted += load_and_run(with_checksums(bytes(altered)))
    assert accepted > 100


@settings(max_examples=300)
@given(seed=seeds, changes=st.integers(1, 4))
def test_no_random_bytes_with_a_valid_checksum_crash(seed, changes):
    rng = np.random.default_rng(seed)
    altered = bytearray(encode_image(random_program(rng)))
    for at in rng.integers(HEADER_BYTES, len(altered), changes):
        altered[at] = rng.choice([0, 1, 127, 128, 255, altered[at] ^ (1 << rng.integers(8))])
    load_and_run(with_checksums(bytes(altered)))


def f32(size):
    return np.zeros(size, np.float32)


def f64(size):
    return np.zeros(size)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ([f64(3), f32(4)], "argument 0 of f has dtype float64; it must be float32"),
        ([f32(3), np.zeros(4, np.int32)], "argument 1 of f has dtype int32"),
        ([f32(6)[::2], f32(4)], "argument 0 of f is not contiguous"),
        ([f32(4), f32(4)], "tensors of 4, 4 values; it takes 3 inputs, then 4 outputs, for each"),
        ([f32(6), f32(4)], "tensors of 6, 4 values"),
        ([f32(4), f32(3)], "tensors of 4, 3 values"),
        ([f32(7)], "tensors of 7 values"),
        ([f32(5), f32(1), f32(8)], "tensors of 5, 1, 8 values"),
        ([f32(2), f32(2)], "tensors of 2, 2 values"),
    ],
)
def test_tensors_of_the_wrong_kind_are_refused(tensors, message):
    module = load_image(encode_image(small_program()))
    with pytest.raises(ValueError, match=re.escape(message)):
        module["f"](*map(tvm_ffi.from_dlpack, tensors))


def test_a_call_without_samples_does_nothing():
    load_image(encode_image(small_program()))["f"](*map(tvm_ffi.from_dlpack, [f32(0), f32(0)]))


def test_the_values_of_a_sample_come_from_and_go_to_several_tensors():
    image = encode_image(small_program())
    samples = np.arange(6, dtype=np.float32).reshape(2, 3) / 8
    whole = run_image(image, "f", samples, 4)
    left, right, first, rest = samples[:, :1].copy(), samples[:, 1:].copy(), f32(2), f32(6)
    load_image(image)["f"](*map(tvm_ffi.from_dlpack, [left, right, first, rest]))
    assert np.hstack([first.reshape(2, 1), rest.reshape(2, 3)]).tobytes() == whole.tobytes()


@pytest.mark.parametrize(
    ("words", "record", "message"),
    [
        ([], b"", "HardwareConfig: 0 fields, at least 12 are needed"),
        ([1] * 13, b"", "HardwareConfig: 13 fields, this release knows 12; use the release that"),
        ([64, 1, 64, 64, 4, 16, 2, 1, 4, 32, 1, 1], b"", "fifo_depth = 1 is out of range"),
        ([64, 8, 12, 64, 4, 16, 2, 1, 4, 32, 1, 1], b"", "spmat_width_bits = 12 is not a multi"),
        ([64, 8, 64, 64, 4, 16, 2, 1, 4, 17, 1, 1], b"", "accumulator_bits = 17 is neither"),
        ([64, 8, 64, 64, 4, 16, 2, 1, 4, 32, 1, -1], b"", "config word = -1, allowed is 0.."),
        ([64, 8, 64, 64, 4, 16, 2, 1, 4, 32, 1, 1], b"abc", "matrix: byte 0: truncated"),
    ],
)
def test_a_bad_matrix_or_configuration_is_refused(words, record, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call("eie.load_matrix", words, record)
