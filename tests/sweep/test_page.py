"""The page of a sweep, whatever names and reasons are in it."""

from eie_backend.sweep import Outcome, sweep
from eie_backend.sweep import run as run_module
from eie_backend.sweep.page import page
from eie_backend.sweep.pictures import picture

HOSTILE = "\x00\x1b[2J\r\x7f\x9b\u202e</script>"


def test_no_control_character_is_in_the_page(make_bench, open_study, monkeypatch):
    def invent(bench, design):
        if design.hardware.num_pe == 2:
            return Outcome(error=f"layer fc1{HOSTILE} does not fit")
        return Outcome(0.5, 1.0, 1.0, 1.0)

    monkeypatch.setattr(run_module, "measure", invent)
    spec, bench = make_bench(
        models={f"a{HOSTILE}": "small.onnx", f"b{HOSTILE}": "small.onnx"},
        hardware={"num_pe": [2, 4]},
    )
    found = sweep(spec, bench, open_study(), "threads", 1)
    text = page(found)
    assert found.count("impossible") and found.count("measured")
    assert {c for c in text if not c.isprintable()} <= {"\n", "\t"}
    assert "layer fc1\\x00\\x1b[2J" in text
    assert {c for c in picture(found).decode() if not c.isprintable()} == {"\n"}
