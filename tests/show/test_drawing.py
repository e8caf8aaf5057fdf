"""Pictures of what has hostile names."""

from xml.etree import ElementTree

import pytest

from eie_backend.show.drawing import rendered


def drawn():
    from matplotlib.figure import Figure

    figure = Figure()
    ax = figure.add_subplot()
    ax.plot([1, 2], label="fc1\x1b[2J\x07")
    ax.set(title="fc1\x00\nits weights", xlabel="\u202efc2")
    ax.legend()
    return figure


def test_names_are_written_out():
    pytest.importorskip("matplotlib")
    text = rendered(drawn, "svg").decode()
    ElementTree.fromstring(text)  # noqa: S314 - of our own making
    assert {c for c in text if not c.isprintable()} == {"\n"}
    for name in (r"fc1\x1b[2J\x07", r"fc1\x00", "its weights", r"\u202efc2"):
        assert f">{name}<" in text
