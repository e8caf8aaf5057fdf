"""`Spec`: the specification of a sweep, read from YAML and described in ``docs/sweep.md``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from eie_backend.config import HardwareConfig
from eie_backend.errors import ConfigError, SweepError
from eie_backend.files.plain_yaml import read_yaml
from eie_backend.machine.choices import ARITHMETIC, BALANCE
from eie_backend.machine.described import PRESETS, read_machine
from eie_backend.sweep.parameters import read_space
from eie_backend.sweep.space import Choices, ParameterPath, Range, Space, size

OBJECTIVES = ("accuracy", "cycles", "energy", "area")
"""Possible objectives: accuracy is maximised, the others are minimised."""

MOST_DESIGNS = 100_000
"""Most designs of a sweep; with more, the estimates alone would take minutes."""

MAX_SEED = (1 << 32) - 1 - MOST_DESIGNS
"""Largest seed: a batch takes the seed plus the number of its first design, in 32 bits."""


@dataclass(frozen=True)
class Search:
    """Proposals of Optuna's sampler in place of the whole grid.

    There are `trials` designs in all, `batch` at a time. The batch does not depend on the number of
    workers, so the proposals are the same on any cluster.
    """

    trials: int
    batch: int = 16
    seed: int = 0


@dataclass(frozen=True)
class Spec:
    """A sweep.

    Attributes
    ----------
    name : str
        The file's name.
    models : mapping of str to Path
        ONNX or ``.eiez`` files by name.
    data : Path
        ``.npz`` with the models' inputs and `labels`.
    calibration : Path or None
        Sample inputs for the number formats; by default those of `data`.
    bind : mapping of str to int
        Values of dynamic dimensions.
    bind_values : mapping of str to number or list
        Values of inputs that are constants.
    space : mapping of ParameterPath to Choices or Range
        The parameters; the first is the model.
    objectives : tuple of str
        The objectives that decide which designs are better; others are only shown.
    search : Search or None
        Settings of the sampler; None means the whole grid.
    prune : bool
        Skip designs that the analytical model rules out.
    arithmetic, balance, strict
        As for `compile`.
    """

    name: str
    models: Mapping[str, Path]
    data: Path
    calibration: Path | None
    bind: Mapping[str, int]
    space: Space
    objectives: tuple[str, ...] = OBJECTIVES
    search: Search | None = None
    prune: bool = True
    arithmetic: str = "int16"
    balance: str = "off"
    strict: bool = True
    bind_values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def varied(self) -> list[ParameterPath]:
        """The parameters that have more than one value."""
        return [
            path for path, of in self.space.items() if isinstance(of, Range) or len(of.values) > 1
        ]


def read_spec(path: Path) -> Spec:
    """Read a specification; files that it names are beside it.

    Raises
    ------
    SweepError
        If the file cannot be read or has faults; the message lists all faults.
    """
    try:
        settings = read_yaml(path.read_text("utf-8"))
    except OSError as error:
        raise SweepError(
            f"{path}: cannot be read: {error.strerror or error}; give a YAML file"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SweepError(f"{path}: not YAML: {' '.join(str(error).split())}; correct it") from error
    if not isinstance(settings, Mapping):
        raise SweepError(f"{path}: a {type(settings).__name__}; give a mapping of {_KEYS}")
    reader = _Reader(settings, path)
    spec = reader.spec()
    if reader.faults:
        raise SweepError(f"{path}: {'; '.join(reader.faults)}; correct these lines")
    return spec


_KEYS = (
    "models, data, calibration, bind, bind_values, machine, hardware, recipe, objectives, search, "
    "prune, arithmetic, balance, strict"
)


class _Reader:
    """Reader of a document that collects all its faults."""

    def __init__(self, settings: Mapping[Any, Any], path: Path) -> None:
        self._settings, self._path = settings, path
        self.faults = [
            f"{key!r} is no key of a sweep, take one of {_KEYS}"
            for key in settings
            if key not in _KEYS.split(", ")
        ]

    def spec(self) -> Spec:
        """Return the specification; faulty parts are empty or have defaults."""
        models = self._models()
        search = self._search()
        space: dict[ParameterPath, Choices | Range] = {("model",): Choices(tuple(models))}
        space |= read_space("hardware", self._hardware(), self.faults)
        space |= read_space("recipe", self._settings.get("recipe", {}), self.faults)
        if search is None:
            if (count := size(space)) > MOST_DESIGNS:
                self.faults.append(
                    f"{count:,} designs, at most {MOST_DESIGNS:,}: take fewer values, or search"
                )
            self.faults += [
                f"{'.'.join(at)} is a range, which only a search can try: add search, or list "
                "the values"
                for at, of in space.items()
                if isinstance(of, Range)
            ]
        return Spec(
            name=self._path.stem,
            models=models,
            data=self._file("data", required=True) or Path(),
            calibration=self._file("calibration"),
            bind=self._bind(),
            space=space,
            objectives=self._objectives(),
            search=search,
            prune=self._flag("prune", True),
            arithmetic=self._one_of("arithmetic", ARITHMETIC.values, "int16"),
            balance=self._one_of("balance", BALANCE.values, "off"),
            strict=self._flag("strict", True),
            bind_values=self._bind_values(),
        )

    def _hardware(self) -> Any:
        """Return sizes of the machine: those that vary, and what the named one has."""
        given, name = self._settings.get("hardware", {}), self._settings.get("machine")
        if name is None or not isinstance(given, Mapping):
            return given
        if not isinstance(name, str):
            self.faults.append(f"machine: give {', '.join(PRESETS)}, or the name of a YAML file")
            return given
        try:
            sizes = read_machine(name if name in PRESETS else str(self._path.parent / name))
        except ConfigError as error:
            self.faults.append(f"machine: {error}")
            return given
        usual = HardwareConfig().to_dict()
        own = {key: value for key, value in sizes.to_dict().items() if value != usual[key]}
        return {**own, **given}

    def _models(self) -> dict[str, Path]:
        given = self._settings.get("models")
        if isinstance(given, str):
            given = [given]
        if isinstance(given, list) and all(isinstance(one, str) for one in given):
            given = {Path(one).stem: one for one in given}
        if not (
            isinstance(given, Mapping)
            and given
            and all(isinstance(text, str) for pair in given.items() for text in pair)
        ):
            self.faults.append("models: give a file, a list of files, or files by name")
            return {}
        return {name: self._existing(file) for name, file in given.items()}

    def _file(self, key: str, required: bool = False) -> Path | None:
        given = self._settings.get(key)
        if given is None and not required:
            return None
        if not isinstance(given, str):
            self.faults.append(f"{key}: give the name of a .npz file")
            return None
        return self._existing(given)

    def _existing(self, name: str) -> Path:
        found = self._path.parent / name
        try:
            if not found.is_file():
                self.faults.append(f"{found}: no such file")
        except OSError as error:  # a name that no file can have
            self.faults.append(f"{found}: {error.strerror}")
        return found

    def _bind(self) -> dict[str, int]:
        given = self._settings.get("bind", {})
        if not isinstance(given, Mapping) or not all(
            isinstance(name, str) and _is_count(value) for name, value in given.items()
        ):
            self.faults.append("bind: give dimensions by name, each at least 1")
            return {}
        return dict(given)

    def _bind_values(self) -> dict[str, Any]:
        given = self._settings.get("bind_values", {})
        if not isinstance(given, Mapping) or not all(
            isinstance(name, str) and _is_numbers(value) for name, value in given.items()
        ):
            self.faults.append("bind_values: give numbers, or lists of them, by input")
            return {}
        return dict(given)

    def _objectives(self) -> tuple[str, ...]:
        given = self._settings.get("objectives", list(OBJECTIVES))
        if not (isinstance(given, list) and given and all(one in OBJECTIVES for one in given)):
            self.faults.append(f"objectives: list one or more of {', '.join(OBJECTIVES)}")
            return OBJECTIVES
        return tuple(name for name in OBJECTIVES if name in given)

    def _search(self) -> Search | None:
        given = self._settings.get("search")
        if given is None:
            return None
        names = [field.name for field in fields(Search)]
        if not (
            isinstance(given, Mapping)
            and set(given) <= set(names)
            and _is_count(given.get("trials"))
            and given["trials"] <= MOST_DESIGNS
            and _is_count(given.get("batch", 1))
            and (given.get("seed", 0) == 0 or _is_count(given["seed"]))
            and given.get("seed", 0) <= MAX_SEED
        ):
            self.faults.append(
                f"search: give trials (1 to {MOST_DESIGNS:,}), and perhaps batch (at least 1) and "
                f"seed (0 to {MAX_SEED:,})"
            )
            return None
        return Search(**given)

    def _flag(self, key: str, default: bool) -> bool:
        given = self._settings.get(key, default)
        if not isinstance(given, bool):
            self.faults.append(f"{key}: {given!r} is neither true nor false")
            return default
        return given

    def _one_of(self, key: str, allowed: tuple[str, ...], default: str) -> str:
        given = self._settings.get(key, default)
        if given not in allowed:
            self.faults.append(f"{key}: {given!r} is none of {', '.join(allowed)}")
            return default
        return str(given)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_numbers(value: object) -> bool:
    if isinstance(value, list):
        return all(map(_is_numbers, value))
    return isinstance(value, (bool, int, float))
