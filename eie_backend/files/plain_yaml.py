"""`read_yaml`: untrusted YAML as plain data, in time and memory that its size bounds.

YAML can say more than settings need: aliases, by which forty lines stand for 2**40 words, tags that
make objects, and nesting that ends Python's stack. All of that is refused.
"""

from __future__ import annotations

from typing import Any, NoReturn

import yaml

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Makes plain data alone. That of libyaml is the same, ten times as fast, where PyYAML has it."""

MAX_CHARACTERS = 1 << 18
"""Settings have a few thousand."""

MAX_DEPTH = 32
"""Most mappings and lists within each other; settings have three."""


def read_yaml(text: str) -> Any:
    """Return what untrusted YAML or JSON says, as plain data.

    Raises
    ------
    yaml.YAMLError
        If it is not YAML, has more than `MAX_CHARACTERS`, or says what is no plain data.
    """
    if len(text) > MAX_CHARACTERS:
        raise yaml.YAMLError(f"{len(text)} characters; at most {MAX_CHARACTERS} are read")
    _check_events(text)
    try:
        return yaml.load(text, LOADER)  # noqa: S506 - a SafeLoader
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # So PyYAML fails at a scalar that does not fit its tag.
        raise yaml.YAMLError(f"a value does not fit its type: {error}") from error


def _check_events(text: str) -> None:
    """Refuse aliases and deep nesting before anything is built."""
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
