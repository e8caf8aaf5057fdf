"""Tables: every number is whole at every width, and every name is there to its last character."""

from io import StringIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from eie_backend.cli.console import Terminal
from eie_backend.cli.table import Table
from eie_backend.show.printable import printable

NAMES = st.text(st.characters(exclude_characters="│"), min_size=1, max_size=200)
NUMBERS = st.floats(0, 1e12).map("{:,.3f}".format) | st.integers(0, 10**15).map("{:,}".format)
HEADERS = ("cycles", "load balance", "not yet retrained", "us", "outputs x inputs")


def printed(table, width):
    file = StringIO()
    Terminal(file=file, width=width, markup=False, highlight=False, emoji=False).print(
        table, crop=False
    )
    return file.getvalue()


def cells(text):
    return [
        [cell.strip() for cell in line.split("│")[1:-1]] for line in text.split("\n") if "│" in line
    ]


@given(
    width=st.sampled_from([40, 80, 100]),
    rows=st.lists(st.tuples(NAMES, *[NUMBERS] * len(HEADERS)), min_size=1, max_size=3),
)
@example(width=40, rows=[("[bold]\x1b[2J[/]\n" + "y" * 200, *["1,000,000,000,000"] * 5)])
@example(width=40, rows=[("名" * 100, *["0.1%"] * 5)])
def test_numbers_stay_whole_and_lines_short(width, rows):
    table = Table("A title", ("layer", *HEADERS))
    for row in rows:
        table.add_row(*row)
    text = printed(table, width)
    found = [cell for row in cells(text) for cell in row]
    for row in rows:
        for number in row[1:]:
            assert number in found
    assert all(cell_len(line) <= width for line in text.split("\n"))
    assert text.isprintable() or set(text) - {"\n"} == {c for c in text if c.isprintable()}


@given(width=st.sampled_from([40, 80, 100]), name=NAMES)
def test_names_fold_and_lose_nothing(width, name):
    table = Table("", ("layer", "cycles"))
    table.add_row(name, "12,345.6")
    folded = "".join(row[0] for row in cells(printed(table, width)))
    assert folded.replace(" ", "") == printable(name).replace(" ", "").replace("│", "")


def test_a_wide_table_goes_on_below_with_its_names():
    table = Table("Wide", ("layer", "first number", "second number", "third number"))
    table.add_row("fc1", "111,111,111", "222,222,222", "333,333,333")
    assert printed(table, 40) == (
        "Wide\n"
        "┏━━━━━━━┳━━━━━━━━━━━━━┳━━━━━━━━━━━━━┓\n"
        "┃       ┃       first ┃      second ┃\n"
        "┃ layer ┃      number ┃      number ┃\n"
        "┡━━━━━━━╇━━━━━━━━━━━━━╇━━━━━━━━━━━━━┩\n"
        "│ fc1   │ 111,111,111 │ 222,222,222 │\n"
        "└───────┴─────────────┴─────────────┘\n"
        "┏━━━━━━━┳━━━━━━━━━━━━━┓\n"
        "┃       ┃       third ┃\n"
        "┃ layer ┃      number ┃\n"
        "┡━━━━━━━╇━━━━━━━━━━━━━┩\n"
        "│ fc1   │ 333,333,333 │\n"
        "└───────┴─────────────┘\n"
    )


def test_a_number_wider_than_the_terminal_is_whole():
    table = Table("", ("layer", "number"))
    table.add_row("fc1", "1" * 60)
    assert "1" * 60 in printed(table, 40)


def test_a_row_has_a_cell_for_each_column():
    with pytest.raises(ValueError, match="1 cells for the columns layer, cycles"):
        Table("", ("layer", "cycles")).add_row("fc1")
