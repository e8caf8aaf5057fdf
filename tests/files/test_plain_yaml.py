"""YAML is plain data, or refused in time and memory that its size bounds."""

import datetime

import pytest
import yaml

from eie_backend.files.plain_yaml import MAX_CHARACTERS, MAX_DEPTH, read_yaml

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
        ("9" * 5000, "a value does not fit its type"),
        ("a: 1\n---\nb: 2", "expected a single document"),
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
    monkeypatch.setattr("eie_backend.files.plain_yaml.LOADER", yaml.SafeLoader)
    assert read_yaml("a: 1") == {"a": 1}
    for text in (LAUGHS, "[" * (MAX_DEPTH + 1)):
        with pytest.raises(yaml.YAMLError):
            read_yaml(text)
