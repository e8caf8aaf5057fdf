"""Sections of the pages on many callers: sentences and tables of the result."""

from __future__ import annotations

from sections import Result, load, ms, table


def concurrency(result: Result) -> str:
    """Return answers, times by number of threads, and memory."""
    wrong, found = result["exact"]["wrong_answers"], result["measured"]
    answers = [[callers, number] for callers, number in wrong.items()]
    threads = found["threads"]
    rows = [
        [
            f"`{engine}`",
            *map(ms, row["milliseconds_per_call"].values()),
            f"{row['two_threads_speedup']} (of {row['two_threads_speedup_of_control']})",
        ]
        for engine, row in threads.items()
    ]
    counts = next(iter(threads.values()))["milliseconds_per_call"]
    head = ["engine", *(f"{n} thread{'s' * (n != '1')}, ms" for n in counts)]
    memory = [
        [f"{row['runs']:,}", f"{row['allocated_bytes']:,}", f"{row['resident_bytes'] / 1e6:.1f}"]
        for row in found["memory"].values()
    ]
    return (
        "LeNet-300-100, 64 PEs, one digit a call. Answers, results and all counters, that differ "
        f"from those of one thread (exact):\n\n{table(['callers', 'wrong answers'], answers)}\n"
        "Time per call while so many threads call, and what two threads gain over one, beside what "
        f"two that share nothing gained in the same turns ({load(result)}):\n\n"
        f"{table([*head, 'speedup of 2 threads'], rows)}\n"
        f"A thread's first call takes {ms(found['new_thread_milliseconds'])} ms longer than its "
        "second.\n\nMemory of a process after so many runs:\n\n"
        f"{table(['runs', 'allocated bytes', 'resident MB'], memory)}"
    )
