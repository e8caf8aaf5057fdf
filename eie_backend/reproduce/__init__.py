"""The EIE paper's tables and figures, run on this code and set beside the published numbers.

Each file reproduces one table or figure: a function from `Runs` to a `Result`, and for a figure one
that draws it. `catalog.py` lists them.
"""
