"""What can be reproduced, by name, in the paper's order.

Nothing heavy is imported: the command line's help lists these names.
"""

from __future__ import annotations

TABLES = ("1", "2", "3", "4", "5")
FIGURES = ("6", "7", "8", "9", "10", "11", "12", "13")
OTHERS = (
    "uneven",
    "analytical",
    "break_even",
    "ablation",
    "ablation_layers",
    "lenet_300_100",
    "lenet_5",
    "fc_storage",
)
"""What the paper only tells, and what this code adds."""


def table_key(number: str | int) -> str:
    """Return the key of a table in the catalog and in the names of files."""
    return f"table_{number}"


def figure_key(number: str | int) -> str:
    """Return the key of a figure."""
    return f"figure_{number}"
