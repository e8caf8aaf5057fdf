"""What becomes of each node test: ``python tests/conformance/node_outcomes.py`` writes it down.

That takes ten minutes. ``node_outcomes.yaml`` is what a test at night holds true, a part of it on
each change, and what ``docs/onnx_node_tests.md`` is made of.
"""

import re
from pathlib import Path

import yaml
from node_runs import outcomes
from node_suite import suite

FILE = Path(__file__).with_name("node_outcomes.yaml")
HEAD = "# Written by `python tests/conformance/node_outcomes.py`.\n"
FRAME = re.compile(r"^model: |(?:; export it again)+$")
NAMED = re.compile(r" \(node '[^']*'\)")
NODE = re.compile(r"node '[^']*' \((\w+)\)(?: of [^:]*)?")


def reason(message):
    """Return why a test is refused, without what only that test says."""
    return NAMED.sub("", NODE.sub(r"\1", FRAME.sub("", " ".join(message.split()))))


def written(found):
    """Return the outcomes as they are written down."""
    plain = {
        name: {kind: reason(why)} if kind == "refused" else kind
        for name, (kind, why) in sorted(found.items())
    }
    return HEAD + yaml.safe_dump(plain, width=10_000)


def expected():
    """Return what is written down: by test, "right" or the reason of a refusal."""
    return yaml.safe_load(FILE.read_text("utf-8"))


if __name__ == "__main__":
    FILE.write_text(written(outcomes(sorted(suite()))), "utf-8")
