"""How Sphinx builds the site: `make docs`."""

from __future__ import annotations

import re
import sys
import warnings
from contextlib import ExitStack
from importlib import metadata
from pathlib import Path

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "eie"
author = "the eie authors"
copyright = author
release = metadata.version("eie-backend")

extensions = [
    "cli_page",
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_ext", "**.ipynb"]
suppress_warnings = ["config.cache"]  # the gallery's settings hold a function

myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "deflist"]

smartquotes = False  # it would turn --option into a dash

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # numpydoc's parameter lists have the types
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
default_role = "code"  # `name` in a docstring is code

html_theme = "furo"
html_title = f"eie {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_show_search_summary = False  # summaries are fetched, which a page in a file may not

# `make linkcheck` needs a network; pages that only run in a browser have nothing to check.
linkcheck_ignore = [r"https://ui\.perfetto\.dev.*"]
linkcheck_timeout = 20


def tutorials_are_pages(_app: object, _page: str, source: list[str]) -> None:
    """Let links to a tutorial's script, which a repository shows, lead to its page in the site."""
    source[0] = re.sub(r"\]\(\.\./tutorials/(\d\d_\w+)\.py\)", r"](tutorials/\1)", source[0])


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.connect("source-read", tutorials_are_pages)


strict = ExitStack()


def warnings_are_errors(_gallery: dict[str, object], _script: str, when: str) -> None:
    """Make a tutorial fail by a warning, as the tests do, but not Sphinx."""
    strict.close()
    if when == "before":
        strict.enter_context(warnings.catch_warnings())
        warnings.simplefilter("error")


sphinx_gallery_conf = {
    "examples_dirs": "../tutorials",
    "gallery_dirs": "tutorials",
    "filename_pattern": r"/\d\d_",
    "ignore_pattern": r"/[^/\d][^/]*\.py",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "reset_modules": ("matplotlib", warnings_are_errors),
    "reset_modules_order": "both",
    "image_scrapers": ("matplotlib",),
    "capture_repr": ("_repr_html_", "__repr__"),
    "remove_config_comments": True,
    "show_signature": False,
    "min_reported_time": 10_000,
    "write_computation_times": False,  # its page loads scripts from elsewhere
}
