"""Writers of the C++ headers and pages that ``make generate`` derives from the code."""
