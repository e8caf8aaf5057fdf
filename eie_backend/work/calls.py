"""`Call`: what workers are asked to do, whoever they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
Call = Callable[[Any, Item], Result]
"""What is called with the shared object and an item; importable by name, for other processes."""
