"""docs/reproduction.md says what the code gives."""

from pathlib import Path

from eie_backend.reproduce import figure_6, table_4, table_5

PAGE = Path(__file__).parents[2] / "docs" / "reproduction.md"


def test_table_4_on_the_page_is_that_of_the_code(real_runs):
    page = PAGE.read_text("utf-8")
    result = table_4.reproduce(real_runs)
    theoretical, actual = result.of("theoretical"), result.of("actual")
    for name in real_runs.layers:
        cells = [
            f"{value.ours:.2f} | {value.paper:.1f} | {value.difference:+.1%}".replace("%", " %")
            for value in (theoretical[name], actual[name])
        ]
        assert f"| {name} | {' | '.join(cells)} |\n" in page


def test_named_results_on_the_page_are_those_of_the_code(real_runs):
    page = PAGE.read_text("utf-8")
    small = {v.quantity: v for v in table_5.reproduce(real_runs).values if v.item.startswith("64")}
    for quantity in ("frames/s", "frames/J"):
        assert f"{small[quantity].ours:,.0f} {quantity} ({small[quantity].paper:,.0f})" in page
    means = [
        value
        for value in figure_6.reproduce(real_runs).values
        if value.item == figure_6.MEAN and "printed" not in value.quantity
    ]
    ours = ", ".join(f"{value.ours:.3g}x" for value in means).replace("14x", "14.0x")
    theirs = ", ".join(f"{value.paper:.3g}x" for value in means)
    assert f"{ours} (Table IV gives {theirs})" in page
