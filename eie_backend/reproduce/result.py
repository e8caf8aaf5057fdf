"""`Result`: the values of one table or figure, with the paper's values."""

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
        The paper's number; None if it prints none.
    tolerance : float, optional
        Largest allowed relative difference, 0.12 for 12 %; None if nothing is asserted.
    reason : str
        Reason for the tolerance, or for its absence.
    bound : {"near", "at_least", "at_most"}
        Whether the tolerance limits both sides, only the amount below, or only the amount above.
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
        """Check that a tolerance has a paper value and a reason; convert NumPy's numbers."""
        object.__setattr__(self, "ours", float(self.ours))
        if self.paper is not None:
            object.__setattr__(self, "paper", float(self.paper))
        if self.tolerance is not None and (self.paper is None or not self.reason):
            raise ValueError(
                f"{self.item}, {self.quantity}: a tolerance needs a paper's value and a reason"
            )

    @property
    def difference(self) -> float | None:
        """Relative difference to the paper; 0.05 means 5 % more."""
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
        # A rounding error must not fail a value exactly at the limit.
        return off <= self.tolerance + 1e-12


@dataclass(frozen=True)
class Published:
    """A number of the paper about something that we do not reproduce, such as another platform."""

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
        The contents, in one line.
    values : tuple of Value
        Values by item, then quantity, as in the printed table.
    notes : tuple of str
        Remarks on the method, and on contradictions in the paper.
    context : tuple of Published
        Further numbers that the paper prints for comparison.
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
        """Values outside their tolerance."""
        return [value for value in self.values if not value.holds]

    def of(self, quantity: str) -> dict[str, Value]:
        """Return the values of one column by item."""
        return {value.item: value for value in self.values if value.quantity == quantity}
