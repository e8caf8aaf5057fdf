"""The sections of a report, one file each, in the order of the page."""

from __future__ import annotations

from collections.abc import Callable

from eie_backend.report.content import Section
from eie_backend.report.run import Run
from eie_backend.report.sections.accuracy import accuracy
from eie_backend.report.sections.cycles import cycles
from eie_backend.report.sections.energy import energy
from eie_backend.report.sections.layers import layers
from eie_backend.report.sections.machine import machine
from eie_backend.report.sections.network import network
from eie_backend.report.sections.origin import origin
from eie_backend.report.sections.pes import pes
from eie_backend.report.sections.program import program
from eie_backend.report.sections.queues import queues
from eie_backend.report.sections.roofline import roofline
from eie_backend.report.sections.summary import summary
from eie_backend.report.sections.weights import weights

SECTIONS: tuple[Callable[[Run], Section | None], ...] = (
    summary,
    accuracy,
    network,
    layers,
    roofline,
    cycles,
    pes,
    queues,
    energy,
    weights,
    program,
    machine,
    origin,
)
"""From the answer to its parts, and from these to what they came from; None leaves one out."""
