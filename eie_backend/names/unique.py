"""`unique_names`: names that differ, changed as little as possible."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def unique_names(
    wanted: Sequence[str],
    taken: Collection[str] = (),
    ranks: Sequence[int] = (),
    meant: Collection[str] = (),
) -> list[str]:
    """Return a name for each of `wanted`; of equal ones, all but one are numbered.

    A number never takes a name that another wants.

    Parameters
    ----------
    wanted : sequence of str
        Names, some of them equal.
    taken : collection of str
        Names that are not to be given.
    ranks : sequence of int, optional
        Who gets the name that several want: the one with the lowest rank, else the first.
    meant : collection of str
        Names that lead to something already: a number makes none of them.

    Examples
    --------
    >>> unique_names(["a", "a", "a_1"]), unique_names(["x", "y", "y"], ["x"], [0, 1, 0])
    (['a', 'a_2', 'a_1'], ['x_1', 'y_1', 'y'])
    """
    used, claimed = set(taken), {*taken, *wanted, *meant}
    order = sorted(range(len(wanted)), key=lambda n: ranks[n]) if ranks else range(len(wanted))
    names = [""] * len(wanted)
    later = []
    for n in order:
        if wanted[n] in used:
            later.append(n)
            continue
        names[n] = wanted[n]
        used.add(wanted[n])
    numbers = dict.fromkeys(wanted, 0)
    for n in later:
        candidate = wanted[n]
        while candidate in used or candidate in claimed:
            numbers[wanted[n]] += 1
            candidate = f"{wanted[n]}_{numbers[wanted[n]]}"
        names[n] = candidate
        used.add(candidate)
    return names
