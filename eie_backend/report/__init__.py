"""A run of a compiled model as one page of HTML, which works offline."""

from eie_backend.report.page import page

__all__ = ["page"]
