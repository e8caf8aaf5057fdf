"""The page ``docs/supported_ops.md``, made of what the compiler checks and `explain` quotes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from eie_backend.transform.constraints import CONSTRAINTS
from eie_backend.transform.convolution_constraints import CONVOLUTION_CONSTRAINTS
from eie_backend.transform.operators import HOST, LAYERS, OTHERS, PARTS


def supported_ops_page(command: str) -> str:
    """Return the page; `command` rewrites it."""
    host = "".join(
        f"| {', '.join(f'`{operator}`' for operator in operators)} | {why} |\n"
        for why, operators in HOST.items()
    )
    return (
        "# Supported operators\n\n"
        f"<!-- Generated from eie_backend/transform by `{command}`. -->\n\n"
        "`eie explain MODEL` says for every operator of a model where it runs and why, with live "
        "values. A model with operators that the machine does not run still compiles: they run "
        "on the host. `--strict` refuses a model in which a layer would.\n\n"
        "## Layers\n\n| operator | how it is lowered |\n|---|---|\n"
        f"{_rows(LAYERS)}\n"
        "## Parts of layers\n\n| operator | when the machine runs it |\n|---|---|\n"
        f"{_rows(PARTS)}\n"
        "## Constraints\n\nA layer runs on the machine unless one of these is true, checked in "
        "this order; *values* are the layer's and the machine's. Weights with too many values "
        "are shared when compiling, so `few_values` only speaks of layers that are partitioned "
        "as they are.\n\n| constraint | it fails if |\n|---|---|\n"
        f"{_constraints(CONSTRAINTS)}\n"
        "Before, a convolution becomes a matmul unless one of these is true:\n\n"
        "| constraint | it fails if |\n|---|---|\n"
        f"{_constraints(CONVOLUTION_CONSTRAINTS)}\n"
        "## On the host\n\nBy design, and no error with `--strict`:\n\n"
        f"| operator | why |\n|---|---|\n{host}| all others | {OTHERS} |\n"
    )


def _rows(sentences: dict[str, str]) -> str:
    return "".join(f"| `{name}` | {text} |\n" for name, text in sentences.items())


def _constraints(constraints: Sequence[Callable[[Any], bool]]) -> str:
    return "".join(
        f"| `{constraint.__name__}` | {_template(constraint.__doc__ or '')} |\n"
        for constraint in constraints
    )


def _template(message: str) -> str:
    """Return a constraint's message with the names of the values that it quotes."""
    return re.sub(r"\{(?:\w+\.)*(\w+)\}", r"*\1*", " ".join(message.split()))
