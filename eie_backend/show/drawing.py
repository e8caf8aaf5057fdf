"""The common style of all pictures, and `rendered`, which draws a picture to a file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from eie_backend.errors import ExtraError
from eie_backend.show.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette for colour-blind readers; marks differ as well."""

MARKS = "osD^vPX"
WIDTH, HEIGHT = 4.6, 3.2
"""Size of one diagram, in inches."""

STYLE = {
    "figure.dpi": 130,
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "svg.hashsalt": "eie",
    "svg.fonttype": "none",
}


def require_matplotlib() -> None:
    """Raise `ExtraError` unless Matplotlib is installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ExtraError(
            "pictures need Matplotlib: pip install '.[viz]' in eie's checkout"
        ) from error


def rendered(draw: Callable[[], Figure], form: str) -> bytes:
    """Draw in the project's style and return the file; equal figures give equal bytes.

    Parameters
    ----------
    draw : callable
        Function without arguments that returns the figure.
    form : {"svg", "png", "pdf"}

    Raises
    ------
    ExtraError
        If Matplotlib is not installed (extra ``viz``).
    """
    require_matplotlib()
    import matplotlib

    buffer = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        # No date, so that equal reports give equal files.
        metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(form)
        figure = draw()
        _write_out(figure)
        figure.savefig(buffer, format=form, metadata=metadata)
    return buffer.getvalue()


def _write_out(figure: Figure) -> None:
    """Write out the control characters of a model's names, which SVG must not hold."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        was = text.get_text()
        if not was.isprintable():
            text.set_text("\n".join(map(printable, was.split("\n"))))
