"""`read_yaml`: untrusted YAML as plain data, in time and memory that its size bounds.

Some YAML features are dangerous and not needed for settings: aliases, with which forty lines expand
to 2**40 words, tags that create objects, nesting that overflows Python's stack, and integers of
thousands of digits, which Python takes quadratic time to read or refuses to print. All of them are
rejected, and so is a key that stands twice, of which PyYAML takes the last in silence.
"""

from __future__ import annotations

from typing import Any, NoReturn

import yaml

INTEGER = "tag:yaml.org,2002:int"

MAX_CHARACTERS = 1 << 18
"""Most characters of a text; settings have a few thousand."""

MAX_DEPTH = 32
"""Deepest nesting of mappings and lists; settings have three levels."""

MAX_INTEGER = 100
"""Most characters of an integer, decimal, hexadecimal, octal, binary or of base 60: 64 bits have
66 in base 2."""


class _Strict:
    """Part of a `yaml.SafeLoader` that reads no integer of any length, and no key twice."""

    def construct_yaml_int(self, node: Any) -> int:
        base: Any = super()
        if len(text := base.construct_scalar(node)) > MAX_INTEGER:
            _fail(f"an integer of {len(text):,} characters: at most {MAX_INTEGER}", node)
        number: int = base.construct_yaml_int(node)
        return number

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        base: Any = super()
        keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        seen = set[str]()
        for key in keys:
            if key.value in seen:
                _fail(f"{key.value!r} stands here twice: keep one", key)
            seen.add(key.value)
        return base.construct_mapping(node, deep=deep)


class PortableLoader(_Strict, yaml.SafeLoader):
    """Loader of plain data only."""


class FastLoader(_Strict, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The same by libyaml, where that is available; ten times as fast."""


PortableLoader.add_constructor(INTEGER, PortableLoader.construct_yaml_int)  # type: ignore[type-var]
FastLoader.add_constructor(INTEGER, FastLoader.construct_yaml_int)
LOADER: Any = FastLoader


def read_yaml(text: str) -> Any:
    """Parse untrusted YAML or JSON to plain data.

    Raises
    ------
    yaml.YAMLError
        If it is not YAML, has more than `MAX_CHARACTERS`, or is not plain data.
    """
    if len(text) > MAX_CHARACTERS:
        raise yaml.YAMLError(f"{len(text)} characters; at most {MAX_CHARACTERS} are read")
    _check_events(text)
    try:
        return yaml.load(text, LOADER)  # noqa: S506 - a SafeLoader
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # PyYAML raises this at a scalar that does not fit its tag.
        raise yaml.YAMLError(f"a value does not fit its type: {error}") from error


def _check_events(text: str) -> None:
    """Reject aliases and deep nesting before any object is built."""
    depth = 0
    for event in yaml.parse(text, LOADER):
        if isinstance(event, yaml.AliasEvent):
            _fail("an alias: write the value out", event)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            _fail(f"more than {MAX_DEPTH} mappings and lists within each other", event)


def _fail(problem: str, event: Any) -> NoReturn:
    raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
