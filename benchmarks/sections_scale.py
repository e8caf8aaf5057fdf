"""Sections of the page on sweeps on a cluster and on large evaluations."""

from __future__ import annotations

from sections import Result, table


def sweep(result: Result) -> str:
    """Return a sweep on one worker, on two, and with kills."""
    exact, found = result["exact"], result["measured"]
    twice = exact["measured_twice"]
    rows = [
        ["one worker", f"{found['seconds_one_worker']} s", ""],
        [
            "two workers",
            f"{found['seconds_two_workers']} s, {found['speedup']} times as fast",
            _same(exact["two_workers_identical"]),
        ],
        [
            f"two workers, the command killed {exact['kills']} times",
            f"{twice} of {exact['designs']} designs measured twice",
            _same(exact["killed_identical"]),
        ],
    ]
    return (
        f"`eie sweep` of {exact['designs']} designs on a Dask scheduler and its workers on the "
        "loopback; two threads that share nothing gain "
        f"{found['two_threads_that_share_nothing']} on this machine at that time.\n\n"
        f"{table(['', '', 'results'], rows)}"
    )


def evaluate(result: Result) -> str:
    """Return the evaluation of a million inputs in one command."""
    exact, found = result["exact"], result["measured"]
    rows = [
        [
            name,
            f"{exact[name]['samples']:,}",
            f"{100 * exact[name]['correct'] / exact[name]['samples']:.2f} %",
            f"{found[name]['seconds']} s",
            f"{found[name]['inputs_per_second']:,}",
            " ".join(f"{mb:.0f}" for mb in found[name]["megabytes_by_tenth"]),
        ]
        for name in ("threads", "processes")
    ]
    head = ["workers", "inputs", "right", "time", "inputs/s", "MB resident, by tenth of the run"]
    same = exact["threads"] == exact["processes"]
    return (
        f"`eie evaluate` of LeNet-300-100 over {exact['data']}, repeated; the counts of both are "
        f"{'equal' if same else 'NOT equal'}.\n\n{table(head, rows)}"
    )


def _same(same: bool) -> str:
    return "identical" if same else "DIFFERENT"
