"""Quantities as people read them, in tables, sentences and pages."""


def size(count: int) -> str:
    """Return bytes in the unit that reads best."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:,.1f} kB" if count < 1_000_000 else f"{count / 1_000_000:,.2f} MB"


def number(value: float) -> str:
    """Return a number with one decimal as long as that says something."""
    return f"{value:,.1f}" if value < 10_000 else f"{value:,.0f}"
