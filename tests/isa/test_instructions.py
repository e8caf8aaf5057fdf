"""Instruction words: the laws of encoding, over every instruction and operand."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eie_backend.errors import EncodingError
from eie_backend.isa.fields import LAYER, OPCODE, WORD_BITS, WORD_BYTES, Field
from eie_backend.isa.instructions import BY_NAME, BY_OPCODE, INSTRUCTIONS

each = pytest.mark.parametrize("instruction", INSTRUCTIONS, ids=lambda i: i.name)
FIELDS = [(i, spec) for i in INSTRUCTIONS for spec in (LAYER, *i.fields)]
each_field = pytest.mark.parametrize(
    ("instruction", "spec"), FIELDS, ids=[f"{i.name}.{spec.name}" for i, spec in FIELDS]
)


def in_range(spec):
    return st.sampled_from([spec.low, spec.high]) | st.integers(spec.low, spec.high)


def operands_of(instruction):
    return st.fixed_dictionaries({spec.name: in_range(spec) for spec in instruction.fields})


@each
@given(data=st.data())
def test_decode_undoes_encode(instruction, data):
    operands, layer = data.draw(operands_of(instruction)), data.draw(in_range(LAYER))
    word = instruction.encode(operands, layer)
    assert len(word) == WORD_BYTES
    assert BY_OPCODE[word[0]] is instruction
    assert instruction.decode(word) == (operands, layer)


@each
@given(data=st.data())
def test_every_word_is_refused_or_comes_back(instruction, data):
    used = sum(spec.bits for spec, _ in instruction.layout)
    bits = data.draw(st.integers(0, WORD_BITS))
    value = data.draw(st.integers(0, 2**bits - 1))
    word = ((value & ~0xFF) | instruction.opcode).to_bytes(WORD_BYTES, "little")
    if value >> used:
        with pytest.raises(EncodingError) as error:
            instruction.decode(word)
        assert str(error.value) == (
            f"eie.{instruction.name}: bits outside its fields are set in {word.hex()}; clear them"
        )
    else:
        assert instruction.encode(*instruction.decode(word)) == word


@each_field
def test_a_limit_is_legal_and_one_beyond_is_not(instruction, spec):
    zero = dict.fromkeys((field.name for field in instruction.fields), 0)

    def encode(value):
        operands = zero if spec is LAYER else zero | {spec.name: value}
        return instruction.encode(operands, value if spec is LAYER else 0)

    for value in (spec.low, spec.high):
        encode(value)
    for value in (spec.low - 1, spec.high + 1):
        with pytest.raises(EncodingError) as error:
            encode(value)
        assert str(error.value) == (
            f"eie.{instruction.name}: {spec.name} = {value} is outside {spec.low}..{spec.high}; "
            "give one inside"
        )


@each
@pytest.mark.parametrize("extra", ["speed", "opcode", "layer"])
def test_an_unknown_operand_is_named(instruction, extra):
    operands = dict.fromkeys((spec.name for spec in instruction.fields), 0)
    names = [spec.name for spec in instruction.fields]
    with pytest.raises(EncodingError) as error:
        instruction.encode(operands | {extra: 0}, 0)
    assert str(error.value) == (
        f"eie.{instruction.name}: operands ['{extra}'] are missing or unknown; it takes {names}"
    )


@each_field
def test_a_missing_operand_is_named(instruction, spec):
    operands = {other.name: 0 for other in instruction.fields if other is not spec}
    if spec is LAYER:
        return
    with pytest.raises(EncodingError, match=re.escape(f"operands ['{spec.name}'] are missing")):
        instruction.encode(operands, 0)


def test_a_field_holds_what_its_bits_allow():
    assert (Field("a", 1, "", "").low, Field("a", 1, "", "").high) == (0, 1)
    assert (Field("a", 16, "", "").low, Field("a", 16, "", "").high) == (0, 65535)
    signed = Field("a", 8, "", "", signed=True)
    assert (signed.low, signed.high) == (-128, 127)


def test_a_word_by_hand():
    """mvm: opcode 5, layer 1, matrix 2, src_row 3, shift -1, frac_bits 4; lowest bits first."""
    operands = {"matrix": 2, "src_row": 3, "shift": -1, "frac_bits": 4}
    assert BY_NAME["mvm"].encode(operands, 1).hex(" ") == (
        "05 01 00 02 00 03 00 ff 04 00 00 00 00 00 00 00"
    )


def test_opcodes_are_unique_and_fit():
    assert len(BY_OPCODE) == len(BY_NAME) == len(INSTRUCTIONS)
    assert all(OPCODE.low < opcode <= OPCODE.high for opcode in BY_OPCODE)


@each
def test_an_instruction_fits_its_word_and_says_what_it_is(instruction):
    spec, at = instruction.layout[-1]
    assert at + spec.bits <= WORD_BITS
    assert instruction.meaning.endswith(".")
    assert instruction.effect
    assert instruction.source
    assert all(spec.doc for spec in instruction.fields)
