"""`Call`: the type of a function that workers execute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
Call = Callable[[Any, Item], Result]
"""Function of the shared object and an item; importable by name, so that processes can call it."""
