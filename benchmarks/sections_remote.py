"""Section of the pages on RPC: a sentence and a table of the result."""

from __future__ import annotations

from sections import Result, load, ms, table


def remote(result: Result) -> str:
    """Return the times of a call and its preparation, here and on a server."""
    calls, start = result["measured"]["calls"], result["measured"]["start"]
    rows = [
        [
            f"call of {batch}",
            f"{row['input_bytes'] / 1e3:.0f}",
            *(ms(row["milliseconds"][place]) for place in ("here", "there")),
        ]
        for batch, row in calls.items()
    ]
    times, kilobytes = start["milliseconds"], f"{start['library_bytes'] / 1e3:.0f}"
    rows += [
        ["load the library", kilobytes, ms(times["load here"]), ms(times["send and load"])],
        ["connect", "", "", ms(times["connect"])],
        ["round trip of nothing", "", "", ms(result["measured"]["round_trip_milliseconds"])],
    ]
    served = result["measured"]["beside_others_milliseconds"]
    rows += [
        ["connect to answer", kilobytes, "", ms(served["alone"])],
        ["the same beside 40 others", kilobytes, "", ms(served["in a crowd"])],
        ["what it takes the 40 to connect", "", "", ms(served["crowd"])],
    ]
    head = ["LeNet-300-100, 64 PEs", "kB sent", "here, ms", "over RPC, ms"]
    return (
        "Server and client on one machine, so a network's own time comes on top. Results and "
        "counters are the same (exact). The 40 others are 20 silent and 20 malformed clients. "
        f"Times with the {load(result)}.\n\n{table(head, rows)}"
    )
