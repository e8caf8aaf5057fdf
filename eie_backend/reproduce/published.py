"""Numbers of the papers, from ``data/eie_paper.yaml`` and ``data/deep_compression_paper.yaml``."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@cache
def published() -> dict[str, Any]:
    """Return the numbers of the EIE paper, by the key of the table or figure."""
    return _read("eie_paper.yaml")


@cache
def deep_compression() -> dict[str, Any]:
    """Return the numbers of the Deep Compression paper, by the key of the reproduced result."""
    return _read("deep_compression_paper.yaml")


def _read(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(
        (files("eie_backend") / "data" / name).read_text("utf-8")
    )
    return loaded
