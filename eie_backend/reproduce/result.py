"""`Result`: the values of one table or figure, ours beside the paper's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Value:
    """One number of a table or a figure.

    Attributes
    ----------
    item, quantity : str
        Row and column, "Alex-6" and "actual time".
    unit : str
        "us", "" for a ratio.
    ours : float
    paper : float, optional
        None where the paper prints no number.
    tolerance : float, optional
        Largest allowed relative difference, 0.12 for 12 %; None where nothing is asserted.
    reason : str
        Why the tolerance is what it is, or why there is none.
    bound : {"near", "at_least", "at_most"}
        Whether the tolerance limits both sides, or only how far ours is below, or above.
    """

    item: str
    quantity: str
    unit: str
    ours: float
    paper: float | None = None
    tolerance: float | None = None
    reason: str = ""
    bound: Literal["near", "at_least", "at_most"] = "near"

    def __post_init__(self) -> None:
        """Refuse a tolerance of nothing, or without a reason; take NumPy's numbers as floats."""
        object.__setattr__(self, "ours", float(self.ours))
        if self.paper is not None:
            object.__setattr__(self, "paper", float(self.paper))
        if self.tolerance is not None and (self.paper is None or not self.reason):
            raise ValueError(
                f"{self.item}, {self.quantity}: a tolerance needs a paper's value and a reason"
            )

    @property
    def difference(self) -> float | None:
        """Relative difference to the paper, 0.05 for 5 % more."""
        if self.paper is None:
            return None
        return self.ours / self.paper - 1 if self.paper else float(self.ours != 0)

    @property
    def holds(self) -> bool:
        """Whether the difference is within the tolerance, if there is one."""
        if self.tolerance is None:
            return True
        difference = self.difference or 0.0
        off = {"near": abs(difference), "at_least": -difference, "at_most": difference}[self.bound]
        # A rounding error must not fail what is exactly at the limit.
        return off <= self.tolerance + 1e-12


@dataclass(frozen=True)
class Published:
    """A number that the paper prints of something that is not ours, such as another platform's."""

    item: str
    quantity: str
    unit: str
    paper: float


@dataclass(frozen=True)
class Result:
    """A table or figure.

    Attributes
    ----------
    key : str
        "table_4", "figure_11", "ablation".
    title : str
        What it shows, in one line.
    values : tuple of Value
        By item, then quantity: the order of the printed table.
    notes : tuple of str
        How it was made, and where the paper contradicts itself.
    context : tuple of Published
        What the paper prints beside its own values.
    """

    key: str
    title: str
    values: tuple[Value, ...]
    notes: tuple[str, ...] = ()
    context: tuple[Published, ...] = ()

    @property
    def asserted(self) -> list[Value]:
        """Values with a tolerance."""
        return [value for value in self.values if value.tolerance is not None]

    @property
    def failures(self) -> list[Value]:
        """Values out of tolerance."""
        return [value for value in self.values if not value.holds]

    def of(self, quantity: str) -> dict[str, Value]:
        """Return the values of one column by item."""
        return {value.item: value for value in self.values if value.quantity == quantity}
