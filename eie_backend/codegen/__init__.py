"""From scheduled TIR to programs of the machine, their images, and library files that hold them."""
