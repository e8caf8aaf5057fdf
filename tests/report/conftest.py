"""A compiled network, its profile, and variants that a page must stand."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import eie_backend as eie

HOSTILE = {
    "fc1": "</script><script>window.hit = 1</script>",
    "fc2": '<img src=x onerror="window.hit = 1">&amp;%{y}<b>bold</b>',
    "fc3": "`${window.hit = 1}` \"'\\ 2020-01-01 " + "long " * 40,
}
"""Names that HTML, JavaScript, Plotly's texts or the assembly might take for their own."""


@pytest.fixture(scope="session")
def x():
    return np.random.default_rng(1).normal(size=(16, 48)).astype(np.float32)


@pytest.fixture(scope="session")
def network(make_mlp):
    return eie.from_onnx(make_mlp(48, 40, 24, 10, batch=4))


@pytest.fixture(scope="session")
def compiled(network, x):
    config = eie.HardwareConfig(num_pe=8, fifo_depth=3)
    return eie.compile(network, config, recipe=eie.Recipe(density=0.3), calibration=x)


@pytest.fixture(scope="session")
def report(compiled, network, x):
    return eie.profile(compiled, x, reference=network)


@pytest.fixture(scope="session")
def comparison(compiled, network, x):
    return eie.compare(compiled, network, x)


@pytest.fixture(scope="session")
def labels(report):
    """Classes of which three in four are what the network says."""
    classes = report.outputs[0].argmax(-1)
    return np.where(np.arange(16) % 4, classes, (classes + 1) % 10)


@pytest.fixture(scope="session")
def hostile(report):
    """Return the run with names that are hostile everywhere."""
    return renamed(report, HOSTILE)


@pytest.fixture(scope="session")
def unprintable(report):
    """Return the run with names that have every control character, and marks of direction."""
    controls = "".join(map(chr, [*range(32), *range(127, 160), 0x202E, 0x2028]))
    return renamed(report, {layer.name: layer.name + controls for layer in report.layers})


@pytest.fixture(scope="session")
def harmless(report):
    """Return the same with the names that it has."""
    return renamed(report, {})


@pytest.fixture(scope="session")
def large(report):
    """Return a hundred layers on 1,024 PEs, made of the three."""
    rng = np.random.default_rng(2)
    layers, program = [], report.programs[0]
    for number in range(100):
        layer = report.layers[number % 3]
        edges = rng.integers(0, layer.counters["cycles"] // 8 + 1, (7, 1024)).tolist()
        per_pe = dict(zip(layer.breakdown, map(tuple, edges), strict=True))
        layers.append(
            replace(
                layer,
                name=f"features.block{number // 10}.layer{number % 10}.conv",
                breakdown={name: sum(row) for name, row in per_pe.items()},
                breakdown_per_pe=per_pe,
                blocking=(0,) * 1024,
            )
        )
    names = [layer.name for layer in layers]
    nodes = [node("x", "input", ())]
    for number, name in enumerate(names):
        nodes.append(node(name, "nn.conv2d", [nodes[-1]["name"]], "machine", name))
        if number % 3 == 2:
            sources = [name, nodes[max(len(nodes) - 4, 0)]["name"]]
            nodes.append(node(f"add{number}", "add", sources, "host"))
    weights = json.loads(program.manifest["weights"])
    weights = {
        when: {name: list(found.values())[at % 3] for at, name in enumerate(names)}
        for when, found in weights.items()
    }
    record = {"graph": json.dumps(nodes), "weights": json.dumps(weights)}
    steps = tuple(replace(s, layer=at) for at in range(100) for s in program.steps[:4])
    program = replace(
        program, layers=tuple(names), steps=steps, manifest={**program.manifest, **record}
    )
    config = replace(report.config, num_pe=1024)
    return replace(report, layers=tuple(layers), programs=(program,), config=config)


def node(name, operator, inputs, runs_on="", layer=""):
    place = {"runs_on": runs_on, "layer": layer, "reason": "it must" if runs_on == "host" else ""}
    return {"name": name, "operator": operator, "inputs": list(inputs), "shape": [1, 8], **place}


def renamed(report, names):
    """Return a report whose layers, and operators of that name, have other names."""

    def new(name):
        return names.get(name, name)

    def manifest(program):
        nodes = json.loads(program.manifest["graph"])
        for row in nodes:
            row.update(name=new(row["name"]), layer=new(row["layer"]))
            row["inputs"] = [new(name) for name in row["inputs"]]
        weights = {
            when: {new(name): row for name, row in found.items()}
            for when, found in json.loads(program.manifest["weights"]).items()
        }
        record = {"graph": json.dumps(nodes), "weights": json.dumps(weights)}
        return {**program.manifest, **record, "</script>": "<script>window.hit = 1</script>"}

    programs = tuple(
        replace(p, layers=tuple(map(new, p.layers)), manifest=manifest(p)) for p in report.programs
    )
    layers = tuple(replace(layer, name=new(layer.name)) for layer in report.layers)
    return replace(report, layers=layers, programs=programs, manifest=programs[0].manifest)
