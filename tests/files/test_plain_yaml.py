"""YAML is plain data, or refused in time and memory that its size bounds."""

import datetime

import pytest
import yaml

from eie_backend.files.plain_yaml import (
    MAX_CHARACTERS,
    MAX_DEPTH,
    MAX_INTEGER,
    PortableLoader,
    read_yaml,
)

LAUGHS = "\n".join(
    ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40))]
)


def test_plain_data_is_read():
    text = "a: [1, 2.5, true, null, 2001-12-14]\n'b': {c: 0x10}\n"
    day = datetime.date(2001, 12, 14)
    assert read_yaml(text) == {"a": [1, 2.5, True, None, day], "b": {"c": 16}}
    assert read_yaml('{"a": ["\\u00e9", 1e3]}') == {"a": ["é", "1e3"]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LAUGHS, "an alias: write the value out"),
        ("a: &a\n  b: *a", "an alias: write the value out"),
        ("!!python/object/apply:os.system [id]", "could not determine a constructor"),
        ("!!int ''", "a value does not fit its type"),
        ("!!float ''", "a value does not fit its type"),
        ("!!bool x", "a value does not fit its type"),
        ("!!timestamp x", "a value does not fit its type"),
        ("2001-99-99", "a value does not fit its type"),
        ("a: 1.0e+\nb: !!int 1.5", "a value does not fit its type"),
        ("a: 1\n---\nb: 2", "expected a single document"),
        ("a: 1\nb: 2\na: 3", "'a' stands here twice: keep one"),
        ("x: [{b: 1, b: 1}]", "'b' stands here twice: keep one"),
        ('{"a": 1, a: 2}', "'a' stands here twice: keep one"),
        ("[" * (MAX_DEPTH + 1), f"more than {MAX_DEPTH} mappings and lists within each other"),
        ("[" * 100_000, "within each other|nesting depth"),
        ("a" * (MAX_CHARACTERS + 1), f"{MAX_CHARACTERS + 1} characters; at most"),
    ],
    ids=lambda text: text[:20],
)
def test_what_is_refused(text, message):
    with pytest.raises(yaml.YAMLError, match=message):
        read_yaml(text)


def test_the_limits_are_legal():
    assert read_yaml("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    assert len(read_yaml("a" * MAX_CHARACTERS)) == MAX_CHARACTERS


def test_without_libyaml(monkeypatch):
    """PyYAML alone refuses the same."""
    monkeypatch.setattr("eie_backend.files.plain_yaml.LOADER", PortableLoader)
    assert read_yaml("a: 1") == {"a": 1}
    for text in (LAUGHS, "[" * (MAX_DEPTH + 1), *LONG.values()):
        with pytest.raises(yaml.YAMLError):
            read_yaml(text)


LONG = {
    "decimal": "9" * 5000,
    "decimal that Python reads": "9" * 4000,
    "hexadecimal": "0x" + "f" * 200_000,
    "octal": "0" + "7" * 200_000,
    "binary": "0b" + "1" * 200_000,
    "base 60": "1" + ":59" * 80_000,
    "below zero": "-0x" + "f" * 9000,
    "with underscores": "1_" * 9000 + "1",
    "tagged": f"!!int '{'9' * 5000}'",
    "in JSON": '{"bits": ' + "9" * 5000 + "}",
    "a key": "? 0x" + "f" * 5000 + "\n: 1",
    "folded": "!!int >\n " + "\n ".join(["9" * 1000] * 5),
}


@pytest.mark.parametrize("base", LONG)
def test_an_integer_of_thousands_of_digits_is_refused(base):
    """Refused unread: base 60 alone took two seconds, and printing one raised a ValueError."""
    with pytest.raises(
        yaml.MarkedYAMLError, match=r"an integer of \d+,\d+ characters: at most 100"
    ):
        read_yaml(LONG[base])


@pytest.mark.parametrize(
    "text", ["9" * MAX_INTEGER, "0x" + "f" * 98, "0" + "7" * 99, "0b" + "1" * 98, "1" + ":5" * 49]
)
def test_the_longest_integers_can_be_printed(text):
    assert len(text) >= MAX_INTEGER - 1
    assert len(str(read_yaml(f"[{text}, -1]")[0])) > 25
    with pytest.raises(yaml.YAMLError, match="at most 100"):
        read_yaml(text + text[-2:])
