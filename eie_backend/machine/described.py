"""`read_machine`: a machine by the name of a preset, or from a file with its sizes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import yaml

from eie_backend.config import HardwareConfig
from eie_backend.errors import ConfigError
from eie_backend.files.plain_yaml import read_yaml


class Preset(NamedTuple):
    """A machine that has a name, and what it is, in words."""

    config: HardwareConfig
    about: str


PRESETS = {
    "eie-64": Preset(
        HardwareConfig(),
        "the paper's, 45 nm: cycles, energy and area are its own",
    ),
    "eie-256": Preset(
        HardwareConfig(num_pe=256, clock_mhz=1200),
        "the paper's projection to 28 nm, Table V: PEs and clock are; energy and area are still "
        "those of 45 nm, for a smaller node take another table: --energy",
    ),
}
"""**Source**: EIE paper, section 5 and Table V."""


def read_machine(given: str) -> HardwareConfig:
    """Return a preset, or the machine of a YAML file: a mapping of `HardwareConfig`'s fields.

    Raises
    ------
    ConfigError
        If it is neither; or with all faults of the file, by its name.
    """
    if given in PRESETS:
        return PRESETS[given].config
    try:
        sizes = read_yaml(Path(given).read_text("utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{given}: no machine: {error.strerror or error}; give {', '.join(PRESETS)}, or a "
            "YAML file with the fields of a HardwareConfig"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{given}: not YAML: {' '.join(str(error).split())}; correct it"
        ) from error
    if sizes is None:
        raise ConfigError(f"{given}: empty; give some fields of a HardwareConfig")
    if not isinstance(sizes, Mapping):
        raise ConfigError(
            f"{given}: a {type(sizes).__name__}; it must be a mapping, for example num_pe: 16"
        )
    try:
        return HardwareConfig.of(sizes)
    except ConfigError as error:
        raise ConfigError(f"{given}: {error}") from error
