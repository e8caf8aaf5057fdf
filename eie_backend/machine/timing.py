"""Fixed latencies of the machine, in clock edges; they are the same in every configuration.

The timed engines step or sum up single edges and share none of this but the end of a layer, which
``make generate`` hands to C++; the analytical model and the tests of times compute with all of it.

**Source**: design choices where the EIE paper is silent, with the cycles of its authors' own
simulator: on the shipped slice of AlexNet and on random layers the counts are equal.
"""

from __future__ import annotations

FIRST_POP_EDGES = 2
"""Before the first column is popped: its row enters the LNZD register, then it is broadcast."""

REFILL_EDGES = 2
"""From the pop that makes room in a full queue to that of the column which waited for it: the
column is broadcast at the next edge, and popped at the one after."""

PIPELINE_EDGES = 6
"""From the issue of the last entry to the end of its layer: weight word, codebook look-up,
multiplication, addition and write take an edge each, and the layer ends at the next. A layer that
issues nothing ends as long after its last row entered the LNZD register."""
