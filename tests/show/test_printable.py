"""What does not print is written out."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eie_backend.show.printable import printable


@given(st.text())
def test_the_result_prints_on_one_line(text):
    assert printable(text).isprintable()


@given(st.text(st.characters(exclude_characters="\\'")))
def test_it_is_what_python_would_write(text):
    assert ast.literal_eval(f"'{printable(text)}'") == text


@pytest.mark.parametrize("text", ["fc1", "卷积/1", "a b", "é"])
def test_what_prints_is_left_alone(text):
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [("\x1b[2J", "\\x1b[2J"), ("a\nb", "a\\nb"), ("\u202e", "\\u202e"), ("\udc80", "\\udc80")],
)
def test_what_steers_a_terminal_is_written_out(text, shown):
    assert printable(text) == shown
