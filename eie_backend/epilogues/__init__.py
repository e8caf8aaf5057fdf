"""What `write_back` can do to a layer's sums: one epilogue per file, from Relax to the machine.

A new file in this folder, which defines `EPILOGUE`, is a new epilogue; nothing else lists them. Its
C++ is the file of the same name in ``runtime/values/epilogues/``.
"""

from eie_backend.discover import discover
from eie_backend.machine.epilogue import Applied, Epilogue

EPILOGUES: tuple[Epilogue, ...] = tuple(
    sorted(discover(__name__, __path__, "EPILOGUE"), key=lambda epilogue: epilogue.number)
)
if [epilogue.number for epilogue in EPILOGUES] != [*range(len(EPILOGUES))]:
    numbers = ", ".join(f"{epilogue.name} = {epilogue.number}" for epilogue in EPILOGUES)
    raise TypeError(f"the numbers of epilogues are not 0, 1, 2, ...: {numbers}; take the next one")
BY_NAME = {epilogue.name: epilogue for epilogue in EPILOGUES}
BY_NUMBER = {epilogue.number: epilogue for epilogue in EPILOGUES}
OPERATORS = tuple(dict.fromkeys(name for epilogue in EPILOGUES for name in epilogue.operators))
"""Relax operators that are epilogues if the machine takes their arguments."""

NONE = Applied(BY_NAME["none"])


def epilogues_of(operator: str) -> list[Epilogue]:
    """Return the epilogues that calls of a Relax operator can be, to be asked in this order."""
    return [epilogue for epilogue in EPILOGUES if operator in epilogue.operators]


def why_not_written(number: int, word: int, is_float: bool) -> str | None:
    """Return why `write_back` cannot have an epilogue of that number with that parameter word."""
    if (epilogue := BY_NUMBER.get(number)) is None:
        return f"epilogue = {number}, allowed is 0..{len(EPILOGUES) - 1}"
    highest = epilogue.highest_words[is_float]
    return f"parameter = {word}, allowed is 0..{highest}" if word > highest else None
