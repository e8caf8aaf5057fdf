"""Energy of a weight SRAM read by width: runs CACTI and writes ``data/spmat_read_cacti.yaml``.

``python benchmarks/cacti.py FOLDER`` takes the folder in which CACTI 7 was built (``make``; source:
github.com/HewlettPackard/cacti). The options below replace lines of its ``cache.cfg``. Figure 9 of
``eie reproduce`` reads the result.
"""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from eie_backend.reproduce.spmat_sram import FILE, WIDTHS

PATH = Path(__file__).parents[1] / "eie_backend" / "data" / FILE

CELLS = ("itrs-hp", "itrs-lop", "itrs-lstp")
OBJECTIVES = {
    "energy-delay^2": ("ED^2", "0:0:0:100:0", "20:100000:100000:100000:100000"),
    "energy-delay": ("ED", "0:0:0:100:0", "20:100000:100000:100000:100000"),
    "read energy": ("NONE", "0:100:0:0:0", "1000:0:100000:100000:100000"),
    "cycle time": ("NONE", "0:0:0:100:0", "20:100000:100000:100000:100000"),
}
MACROS = (1, 2)
SRAM_BYTES = 131072
WEIGHTS = "(weight delay, dynamic power, leakage power, cycle time, area)"
DEVIATIONS = "(delay, dynamic power, leakage power, cycle time, area)"
FOUND = {
    "read_pj": (r"Total dynamic read energy per access \(nJ\): (\S+)", 1000),
    "leakage_mw": (r"Total leakage power of a bank \(mW\): (\S+)", 1),
    "access_ns": (r"Access time \(ns\): (\S+)", 1),
    "cycle_ns": (r"Cycle time \(ns\): +(\S+)", 1),
}


def ask(folder: Path, width: int, size: int, cells: str, objective: str) -> dict[str, float]:
    """Return CACTI's results for one macro."""
    optimize, weights, deviations = OBJECTIVES[objective]
    options = {
        "size (bytes)": size,
        "block size (bytes)": width // 8,
        "output/input bus width": width,
        "associativity": 1,
        "technology (u)": 0.045,
        "operating temperature (K)": 350,
        "cache type": '"ram"',
        "Add ECC -": '"false"',
        "Optimize ED or ED^2 (ED, ED^2, NONE):": f'"{optimize}"',
        f"design objective {WEIGHTS}": weights,
        f"deviate {DEVIATIONS}": deviations,
    }
    for array, kind in itertools.product(("Data", "Tag"), ("cell", "peripheral")):
        options[f"{array} array {kind} type -"] = f'"{cells}"'
    text = (folder / "cache.cfg").read_text("latin-1")
    for name, value in options.items():
        line = f"-{name} {value}"
        text, count = re.subn(f"(?m)^-{re.escape(name)}.*$", lambda _, new=line: new, text)
        assert count == 1, f"{name} is {count} times in cache.cfg"
    with tempfile.NamedTemporaryFile("w", suffix=".cfg") as file:
        file.write(text)
        file.flush()
        command = [folder.resolve() / "cacti", "-infile", file.name]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    found = {}
    for name, (pattern, factor) in FOUND.items():
        match = re.search(pattern, done.stdout)
        assert match, f"CACTI gives no {name}"
        found[name] = float(f"{float(match[1]) * factor:.4g}")
    return found


def main() -> None:
    """Write the rows below the file's existing header."""
    if len(sys.argv) != 2:
        print("cacti: left out; give the folder in which CACTI was built")
        return
    head = PATH.read_text("utf-8").split("rows:\n", 1)[0]
    lines = [head, "rows:\n"]
    for macros, cells, objective in itertools.product(MACROS, CELLS, OBJECTIVES):
        asked = [
            ask(Path(sys.argv[1]), width, SRAM_BYTES // macros, cells, objective)
            for width in WIDTHS
        ]
        energies = ", ".join(str(one["read_pj"]) for one in asked)
        middle = asked[WIDTHS.index(64)]
        rest = ", ".join(f"{name}: {middle[name]}" for name in FOUND if name != "read_pj")
        lines.append(
            f"  - {{macros: {macros}, cells: {cells}, objective: {objective},\n"
            f"     read_pj: [{energies}], {rest}}}\n"
        )
    PATH.write_text("".join(lines), "utf-8")


if __name__ == "__main__":
    main()
