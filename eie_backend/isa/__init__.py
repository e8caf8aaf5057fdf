"""The machine's instruction set, defined once; every other form is derived from it."""
