"""Human-readable quantities for tables, sentences and pages."""


def size(count: int) -> str:
    """Return a number of bytes with a suitable unit."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:,.1f} kB" if count < 1_000_000 else f"{count / 1_000_000:,.2f} MB"


def number(value: float) -> str:
    """Return a number with one decimal if that is significant."""
    return f"{value:,.1f}" if value < 10_000 else f"{value:,.0f}"
