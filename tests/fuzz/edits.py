"""Edits of bytes and of text, by which files go wrong."""

from __future__ import annotations

import re
from random import Random

HARD = (0, 1, 2, 127, 128, 255, 256, 65535, 65536, 2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1)
"""Numbers at which sizes and products overflow."""

WORDS = ("", "null", "true", "-", "nan", "inf", "-inf", "1e999", "9" * 5000, "0x" + "f" * 9000)
WORDS += ("0" + "7" * 9000, "0b" + "1" * 20_000, "1" + ":1" * 9000, "9" * 4000)
WORDS += ("'", '"', "\\", "\0", "\x1b[2J", "\u202e", "\ud7ff", "\U0001f600", "a" * 3000)

TOKEN = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'|-?[\w.+]+|\s+|.", re.DOTALL)


def hard_number(random: Random) -> int:
    """Return a number that is hard to get right."""
    return random.choice((random.choice(HARD), -random.choice(HARD), random.randrange(1 << 40)))


def edit_bytes(random: Random, data: bytes) -> bytes:
    """Change, insert, drop or repeat some bytes."""
    at = random.randrange(len(data) + 1)
    size = random.choice((1, 1, 2, 4, 8, random.randrange(64)))
    number = (hard_number(random) % (1 << 64)).to_bytes(8, random.choice(("little", "big")))
    found = (
        random.randbytes(size),
        number[:size] if random.random() < 0.5 else number[-size:],
        b"",
        data[at : at + size] * random.randrange(2, 5),
    )
    return data[:at] + random.choice(found) + data[at + random.choice((0, size)) :]


def edit_text(random: Random, text: str, words: tuple[str, ...] = ()) -> str:
    """Change, insert, drop, repeat, exchange or nest tokens; `words` mean something in the text."""
    tokens = TOKEN.findall(text)
    at = random.randrange(len(tokens) + 1)
    end = min(at + random.choice((1, 1, 1, 2, 5, 20)), len(tokens))
    inside = tokens[at:end]
    match random.randrange(7):
        case 0:
            inside = [str(hard_number(random))]
        case 1:
            inside = [random.choice(words + WORDS)]
        case 2:
            inside = [*inside, random.choice(words + WORDS)]
        case 3:
            inside = []
        case 4:
            inside = inside * random.choice((2, 2, 3, 50))
        case 5:
            inside = [random.choice(tokens or [""])]
        case _:
            opening, closing = random.choice(("[]", "{}", "()", "<>", '""'))
            depth = random.choice((1, 1, 2, 1000))
            inside = [opening * depth, *inside, closing * depth]
    return "".join([*tokens[:at], *inside, *tokens[end:]])


def edit_file(random: Random, data: bytes, words: tuple[str, ...] = ()) -> bytes:
    """Edit a text file, now and then as mere bytes."""
    if random.random() < 0.1:
        return edit_bytes(random, data)
    text = data.decode("utf-8", "replace")
    for _ in range(random.choice((1, 1, 2, 4))):
        text = edit_text(random, text, words)
    return text.encode("utf-8", "replace")
