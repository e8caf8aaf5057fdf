"""The page of errors follows from the code, and each message on it says what to do."""

import ast

import errors_page
import pytest

from eie_backend import errors
from eie_backend.machine.choices import WINOGRAD


def test_the_page_is_up_to_date():
    assert errors_page.PAGE.read_text("utf-8") == errors_page.page(), f"run `{errors_page.COMMAND}`"


def test_every_message_says_what_to_do():
    silent = [f"{m.file}:{m.line}: {m.text}" for m in errors_page.messages() if not m.remedy]
    assert not silent, "no remedy in\n" + "\n".join(silent)


def test_every_error_class_is_known():
    defined = {
        n
        for n, v in vars(errors).items()
        if isinstance(v, type) and v.__module__ == errors.__name__
    }
    assert set(errors_page.CLASSES) == defined


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("f'{self.path}: has {len(rows)} rows; give {MOST}'", "`PATH`: has `ROWS` rows; give 8"),
        ("'no ' + ', '.join(f'layer {n}' for n in names)", "no layer `N`"),
        ("f'{value!r} is {type(value).__name__}'", "`VALUE` is `TYPE`"),
    ],
)
def test_what_a_run_fills_in_has_a_name(source, text):
    expression = ast.parse(source, mode="eval").body
    assert errors_page.template(expression, {"MOST": "8"}) == text


def test_faults_raised_together_take_the_remedy_of_their_list():
    source = (
        "def f():\n    faults = []\n    faults.append('a is b')\n"
        "    raise InputError('; '.join(faults) + '; give c')"
    )
    [(kind, text, line, _)] = errors_page._collected(ast.parse(source).body[0])
    assert (kind, ast.literal_eval(text), line) == ("InputError", "a is b", 3)
    assert errors_page.Message(kind, "a is b", "f.py", line, "`FAULTS`; give c").remedy == "give c"


def test_what_a_choice_refuses_is_on_the_page():
    source = "WINOGRAD.checked(str(wanted.mode), ModelError)"
    [(kind, call, line)] = errors_page._raised(ast.parse(source, mode="eval").body)
    text = errors_page.template(call, {})
    assert (kind, line) == ("ModelError", 1)
    assert text == "winograd `MODE` is unknown; choose one of auto, always, never"
    assert text == WINOGRAD.fault("").replace("''", "`MODE`")


def test_a_choice_that_lists_its_fault_is_on_the_page():
    [message] = [
        m
        for m in errors_page.messages()
        if m.file == "eie_backend/search/search.py" and m.text.startswith("objective")
    ]
    assert message.parts == ("objective `OBJECTIVE` is unknown", "choose one of size, cycles")


def test_a_message_without_a_remedy_is_found():
    assert not errors_page.Message("InputError", "NAME: is bad", "f.py", 1).remedy
