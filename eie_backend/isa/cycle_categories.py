"""What PEs and CCU can do at a clock edge, declared once; C++ enumerations and docs follow.

Every edge of every PE belongs to exactly one category, so they add up to cycles x P.
"""

from eie_backend.isa.counters import Counter

UNIT = "PE edges"

CYCLE_CATEGORIES = (
    Counter("multiply", UNIT, "an entry that carries a weight is issued"),
    Counter("padding", UNIT, "a padding entry is issued"),
    Counter("empty_column", UNIT, "a column without entries in this PE keeps the pointer stage"),
    Counter("starved", UNIT, "queue empty: the LNZD register took in a row without a non-zero"),
    Counter("waiting", UNIT, "queue empty: a broadcast was held back by a full queue of any PE"),
    Counter("scan", UNIT, "queue empty: the scan started, or a row with non-zeros entered"),
    Counter("drain", UNIT, "after the PE's last column, until the layer ends"),
)

CCU_ACTIVITIES = (
    Counter("empty_row", "edges", "a row without a non-zero enters the LNZD register"),
    Counter("row", "edges", "a row with non-zeros enters the LNZD register"),
    Counter("broadcast", "edges", "a non-zero is pushed into all queues"),
    Counter("held_back", "edges", "a non-zero waits, because a queue is full"),
)
"""What the CCU does while rows are left. A row that enters at a broadcast's edge is not told."""

CYCLES_TEXT = """\
Every edge of every PE, from edge 1 to the layer's last, is in exactly one category: they add up to
`cycles` x P. A layer of several tiles, and several samples, are summed.

A PE that issues nothing and holds no empty column is idle because the CCU did not broadcast at the
edge before: a column broadcast at edge t - 1 can be popped at edge t. The idle edge t takes the
name of what the CCU did at edge t - 1:

| the CCU at edge t - 1 | the PE at edge t |
|---|---|
| had a non-zero to broadcast, but a queue was full | `waiting` |
| took a row without a non-zero into the LNZD register | `starved` |
| took a row with non-zeros, or had not started | `scan` |

If a row enters at the edge of a broadcast, that edge counts as the broadcast. An idle edge that no
later column of this PE follows is `drain`: the last entries go through the pipeline, other PEs work
on, the last rows are scanned. A PE that never gets a column drains from the start. Columns popped
after the layer's end (they are empty in this PE) are in no category.

`waiting` names the PEs that suffer from a full queue, `blocking` those that cause it: for every PE,
the edges at which a broadcast was held back while this PE's queue was full. Several can block at
once, and queues can bridge the time, so the two sums differ.

The queue occupancy histogram counts, over all PEs, the edges after which an `act_queue` held 0, 1,
... columns, up to a full queue; it adds up to `cycles` x P, too.

The engines `event` and `clock` fill all of this; `functional` leaves it 0, as it does cycles.
"""
