"""Writers of the files that ``make generate`` derives from the code."""
