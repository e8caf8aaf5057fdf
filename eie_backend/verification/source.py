"""`Source`: where a module comes from, as a runtime that computes the same values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray
from tvm import IRModule

Arrays = Sequence[NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Operator:
    """One operator of the source alone: the values that it got, and those that it returned.

    `imported` imports it as a module of its own, whose inputs are `inputs`; it may raise.
    `by_definition`, if there is one, returns what the operator's definition says of the inputs,
    where runtimes are known to differ from it; it may raise, too. `blame` is a cause and a
    remedy, where they are not the source's.
    """

    node: str
    kind: str
    inputs: Arrays
    expected: Arrays
    imported: Callable[[], IRModule]
    by_definition: Callable[[], Arrays] | None = None
    blame: tuple[str, str] | None = None


class Source(Protocol):
    """A model in its source's own runtime."""

    @property
    def runtime(self) -> str:
        """The runtime's name, for example ``ONNX Runtime``."""

    @property
    def version(self) -> str:
        """Its version."""

    @property
    def cause(self) -> str:
        """Why an operator is wrong that is alone."""

    @property
    def remedy(self) -> str:
        """What to do then, as the start of a list."""

    @property
    def halves(self) -> bool:
        """Whether it computes some of its values in half precision."""

    @property
    def random(self) -> Sequence[str]:
        """Operators that may compute something else each time."""

    def outputs(self, inputs: Arrays) -> Arrays:
        """Return the results; may raise what the runtime raises."""

    def operators(self, inputs: Arrays) -> Iterator[Operator]:
        """Yield the operators in the order of their computation."""
