"""The energy table: what is shipped, what a user's file must have, all faults at once."""

import re

import pytest
import yaml

from eie_backend.errors import EnergyError
from eie_backend.machine.energy_table import read_energy_table, shipped_table

ROWS = [vars(row) for row in shipped_table().rows.values()]


def written(tmp_path, rows):
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump({"rows": rows}))
    return path


def fault(path):
    with pytest.raises(EnergyError) as error:
        read_energy_table(path)
    return str(error.value)


def changed(module, event, **values):
    return [r | values if (r["module"], r["event"]) == (module, event) else r for r in ROWS]


def test_every_row_has_a_source_and_a_unit():
    for row in ROWS:
        assert re.match("Table I|Table II|Table III|Fig. 10|section|design choice", row["source"])
        assert row["unit"] in {"mW", "um2", "pJ", "MHz", "bits", "bytes", "entries", "1"}


def test_the_tables_of_the_paper_add_up():
    """Table II: modules and filler give 638,024 um2, components 9.157 mW."""
    table = shipped_table()
    areas = [row.value for row in table.rows.values() if row.unit == "um2"]
    assert sum(areas) - table["pe", "memory_area"] - table["lnzd", "area"] == 638024
    parts = [row.value for row in table.rows.values() if row.module == "pe" and row.unit == "mW"]
    assert sum(parts) == pytest.approx(9.157)


def test_a_copy_is_the_same_table(tmp_path):
    assert read_energy_table(written(tmp_path, ROWS)).rows == shipped_table().rows


def test_the_order_of_rows_is_free(tmp_path):
    found = read_energy_table(written(tmp_path, ROWS[::-1]))
    assert found.rows == shipped_table().rows


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (ROWS[1:], "missing: act_queue ptr_reads;"),
        ([*ROWS, {**ROWS[0], "event": "pops"}], "act_queue pops is unknown"),
        ([*ROWS, dict(ROWS[0])], "act_queue ptr_reads is there 2 times"),
        (changed("lnzd", "area", unit="mm2"), "lnzd area is in mm2, not in um2"),
        (
            changed("lnzd", "area", value=0),
            "(lnzd area): value = 0 is not a number in",
        ),
        (changed("lnzd", "area", value=True), "value = True is not a number in"),
        (changed("lnzd", "area", value=float("nan")), "value = nan is not a number in"),
        (changed("lnzd", "area", value=float("inf")), "value = inf is not a number in"),
        (changed("lnzd", "area", value=10**400), "an integer of 401 characters"),
        (changed("lnzd", "area", value="189"), "value = '189' is not a number in"),
        (changed("lnzd", "area", source=" "), "(lnzd area): source = ' ' is not a text"),
        ([*ROWS, {**ROWS[0], "module": ["lnzd"]}], "does not have exactly module"),
        (changed("lnzd", "area", source=3), "(lnzd area): source = 3 is not a text"),
        ([*ROWS, {"module": "lnzd"}], "does not have exactly module, event, value, unit, source"),
        ([*ROWS, "lnzd"], "does not have exactly module, event, value, unit, source"),
        ([*ROWS, {**ROWS[0], 1: 2}], "does not have exactly module, event, value, unit, source"),
        (
            changed("pe", "memory", value=9.0),
            "pe memory is more than spmat_read + ptr_read + act_rw together",
        ),
        (changed("pe", "memory_area", value=1e6), "pe memory_area is more than spmat_read"),
        (changed("derivation", "entries_per_column", value=0.5), "entries_per_column is below 1"),
        (changed("derivation", "active_share", value=1.5), "active_share is above 1"),
    ],
)
def test_what_a_table_must_have(tmp_path, rows, message):
    path = written(tmp_path, rows)
    assert message in fault(path)
    assert fault(path).startswith(f"{path}: ")
    assert fault(path).endswith("start from the shipped energy_45nm.yaml")


def test_all_faults_at_once(tmp_path):
    rows = [*changed("lnzd", "area", unit="mm2", value=-1)[2:], {}]
    message = fault(written(tmp_path, rows))
    for part in (
        "missing: act_queue ptr_reads, ptr_read ptr_reads;",
        "value = -1",
        "does not have exactly",
    ):
        assert part in message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"rows: [", "not YAML at line 2: did not find expected node content; start from"),
        (
            b"rows:\n- &a {}\n- *a\n",
            "not YAML at line 3: an alias: write the value out; start from",
        ),
        (b"[" * 40, "not YAML at line 1: more than 32 mappings and lists within each other"),
        (b"a: \x00", "not YAML: unacceptable character"),
        (b"!!python/object/apply:os.system [id]", "not YAML at line 1"),
        (b"- 1", "has no list `rows`"),
        (b"rows: 1", "has no list `rows`"),
        (b"", "has no list `rows`"),
        (b"\xff\xfe\xfa", "cannot be read: not UTF-8 text"),
    ],
)
def test_files_that_are_no_table(tmp_path, content, message):
    path = tmp_path / "own.yaml"
    path.write_bytes(content)
    assert message in fault(path)


def test_files_that_cannot_be_read(tmp_path):
    assert "missing.yaml: cannot be read: No such file" in fault(tmp_path / "missing.yaml")
    assert "cannot be read: Is a directory" in fault(tmp_path)
