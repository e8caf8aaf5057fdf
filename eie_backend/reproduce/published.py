"""The paper's numbers, from ``data/eie_paper.yaml``."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@cache
def published() -> dict[str, Any]:
    """Return what the EIE paper prints, by the key of the table or figure."""
    text = (files("eie_backend") / "data" / "eie_paper.yaml").read_text("utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded
