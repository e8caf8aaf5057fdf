"""The machine's instruction set, each instruction defined once; text, image and checks follow."""
