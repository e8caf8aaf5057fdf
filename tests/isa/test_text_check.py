"""Short texts that would take xDSL years or gigabytes are refused at once."""

import pytest

from eie_backend.errors import EncodingError
from eie_backend.isa.assembly import parse_program
from eie_backend.isa.text_check import check_text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('\n"' + 60 * "a", "line 2: no end, or an unknown escape, of the string"),
        ('"' + 60 * "a" + '\\q"', "line 1: no end, or an unknown escape, of the string"),
        ("dense<0> : tensor<1xi99999999999>", "line 1: a type of 99999999999 bits, at most 64"),
        ("dense<0> : tensor<65536x65536xi8>", "more than 16777216 elements up to 'tensor<65536x65"),
        (20 * "tensor<1000000xi8> ", "line 1: more than 16777216 elements"),
        ("tensor<" + "9" * 9999 + "xi8>", "line 1: more than 16777216 elements"),
    ],
)
def test_what_would_take_too_long(text, message):
    with pytest.raises(EncodingError) as error:
        parse_program(text)
    assert str(error.value).startswith("eie text: ")
    assert message in str(error.value)


@pytest.mark.parametrize(
    "text",
    ['// "a comment', '"a" // "b', r'"\\" : i64', '"\\"" i1', "tensor<?xi8>", "tensor<4x4xi8>"],
)
def test_what_is_left_alone(text):
    assert check_text(text) == text


@pytest.mark.parametrize("text", ["(" * 5000, "builtin.module {" * 2000, "#" + "[" * 5000])
def test_deep_nesting_is_an_error(text):
    with pytest.raises(EncodingError, match=r"^eie text: "):
        parse_program(text)
