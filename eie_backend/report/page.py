"""`page`: a profiled run as one self-contained HTML page, without network or server.

The template escapes every text, and writes out characters that cannot be printed; the page's
security policy forbids loading or sending data.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from eie_backend.errors import ExtraError
from eie_backend.show.printable import printable
from eie_backend.simulator.labels import check_labels
from eie_backend.transform.inputs import as_array

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from eie_backend.fidelity.comparison import Comparison
    from eie_backend.profiler import Report
    from eie_backend.report.content import Section


def page(
    report: Report, *, labels: ArrayLike | None = None, comparison: Comparison | None = None
) -> str:
    """Return a run of a compiled model as an HTML page.

    Parameters
    ----------
    report : Report
        The result of `profile`.
    labels : array_like, shape (samples,), integers, optional
        The class of each sample; with labels, the page shows the accuracy.
    comparison : Comparison, optional
        The result of `compare` on the same samples: what each layer adds to the error.

    Returns
    -------
    str
        The self-contained page; equal runs give equal bytes.

    Raises
    ------
    InputError
        If the labels do not fit the run.
    ExtraError
        If Plotly, itables, Jinja2 or networkx is not installed (extra ``viz``).

    Notes
    -----
    **Source**: design choice; ``docs/report.md`` says what each section shows.
    """
    require_viz()
    from eie_backend.report.run import Run
    from eie_backend.report.sections import SECTIONS

    given = None if labels is None else as_array(labels)
    if given is not None:
        scores = report.outputs[0].shape
        check_labels(given, scores[0] if scores else 1, scores)
    run = Run(report, given, comparison)
    sections = [made for section in SECTIONS if (made := section.make(run)) is not None]
    return html("eie report", sections)


def html(heading: str, sections: Sequence[Section]) -> str:
    """Return a page of sections; its title is the heading and the first section's lead.

    Raises
    ------
    ExtraError
        As for `page`.
    """
    require_viz()
    return str(_template().render(heading=heading, sections=sections, **_assets()))


def require_viz() -> None:
    """Raise `ExtraError` unless the packages that draw a page are installed."""
    try:
        import itables  # noqa: F401
        import jinja2  # noqa: F401
        import networkx  # noqa: F401
        import plotly  # noqa: F401
    except ImportError as error:
        raise ExtraError(
            f"reports need {error.name}: pip install '.[viz]' in eie's checkout"
        ) from error


@cache
def _template() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("eie_backend.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    environment.filters["prose"] = _prose
    environment.filters["printable"] = _printable
    # NaN and infinity are not JSON and would stop the page's script.
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    return environment.get_template("page.html")


@cache
def _assets() -> dict[str, str]:
    """Return the page's scripts and styles."""
    from itables.utils import read_package_file
    from plotly.offline import get_plotlyjs

    own = files("eie_backend.report")
    return {
        "style": (own / "page.css").read_text("utf-8"),
        "script": (own / "page.js").read_text("utf-8"),
        # Two of its strings have raw control characters.
        "plotly": _escaped(get_plotlyjs().replace("</script", "<\\/script")),
        # Use Base64: the file is a module, and its text would end the script element.
        "tables": b64encode(read_package_file("html", "dt_bundle.js").encode()).decode(),
        "tables_style": read_package_file("html", "dt_bundle.css"),
    }


def _escaped(script: str) -> str:
    """Return a script with the control characters of its strings escaped, except line breaks."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", lambda found: f"\\x{ord(found[0]):02x}", script)


def _printable(value: Any) -> Any:
    """Return texts, also those inside of lists and mappings, with `printable` characters only.

    Texts that are HTML already remain.
    """
    if type(value) is str:
        return printable(value)
    if isinstance(value, Mapping):
        return {_printable(name): _printable(item) for name, item in value.items()}
    return [*map(_printable, value)] if isinstance(value, list | tuple) else value


def _prose(text: str) -> Any:
    """Return a sentence as HTML, with text in backquotes as code."""
    from markupsafe import Markup, escape

    code = re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(printable(text))))
    return Markup(code)  # noqa: S704 - escaped above
