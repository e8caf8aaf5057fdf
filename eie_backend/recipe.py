"""`Recipe`: the compression settings of a model, layer by layer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from fnmatch import fnmatchcase
from os import PathLike
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar

import yaml

from eie_backend.errors import RecipeError
from eie_backend.files.plain_yaml import read_yaml
from eie_backend.machine.choices import RUNS_ON, RunsOn
from eie_backend.names.meant import LayerNames, NamedLayer
from eie_backend.pruning.methods import METHODS, PRUNING_METHOD
from eie_backend.sharing.methods import INITIALIZATION
from eie_backend.show.html import table

MIN_BITS, MAX_BITS = 1, 8
MAX_INDEX_BITS = 16

T = TypeVar("T")
PerLayer: TypeAlias = T | Mapping[str, T]
"""One value for all layers, or values by layer name or pattern."""


@dataclass(frozen=True)
class Schedule:
    """Schedule of a layer's pruning during retraining.

    The layer is dense up to round `start` and has its recipe's density from round
    ``start + steps`` on; in between, the density falls cubically.

    Parameters
    ----------
    start : int
        Rounds of retraining before the first pruning, at least 0.
    steps : int
        Rounds in which the layer loses weights, at least 1.
    """

    start: int = 0
    steps: int = 4

    def density_at(self, round_number: float, final: float) -> float:
        """Return the density in a round (from 1, may be fractional) on the way to `final`.

        Examples
        --------
        >>> [round(Schedule(start=1, steps=2).density_at(n, 0.2), 3) for n in (1, 2, 3, 4)]
        [1.0, 0.3, 0.2, 0.2]
        """
        left = min(max(1 - (round_number - self.start) / self.steps, 0.0), 1.0)
        return final + (1 - final) * left**3


@dataclass(frozen=True)
class Recipe:
    """Settings of each layer's pruning, weight sharing and storage.

    Every field holds one value for all layers, or a mapping from names or ``fnmatch`` patterns to
    values, of which the first match counts. A layer answers to its name and to its kind, ``@dense``
    or ``@conv``. The name of a convolution also stands for all 16 products of Winograd's algorithm.
    What no layer's name matches may be another name of layers, as their source has them; see
    `for_layers`.

    Parameters
    ----------
    density : float or mapping of str to float
        Fraction of weights to keep, in (0, 1]; layers without a match keep all. In a convolution
        with groups, the zeros between groups do not count.
    quality : float or mapping of str to float, optional
        Instead of a density: weights below `quality` standard deviations of the layer's weights are
        pruned.
    bits : int or mapping of str to int
        Codebook index bits, 1 to 8 (the default machine decodes 4); layers without a match take 4.
    index_bits : int, "auto" or mapping of str to either
        Bits of a relative index in a stored file, 1 to 16; "auto" minimises the layer's size. The
        machine has its own index width, ``HardwareConfig.index_bits``.
    method : str or mapping of str to str
        Weights to prune, by one of `eie_backend.pruning.methods`: "magnitude", the smallest of the
        layer; "global", the smallest of all layers with this method together; "balanced", the
        smallest of every PE's slice, so that all PEs keep equally many; or another file's.
    initialization : str or mapping of str to str
        How shared values are found, by one of `eie_backend.sharing.methods`: k-means that starts at
        the "best", "linear", "density" or "random" values, or another file's; "best" has the least
        error.
    schedule : Schedule or mapping of str to Schedule
        Schedule of a layer's pruning in retraining.
    runs_on : {"machine", "host"} or mapping of str to either
        "host" keeps a layer from the machine: it is neither pruned nor shared, and the host
        computes it with the weights that it has. Layers without a match run on the machine, if it
        can.

    Raises
    ------
    RecipeError
        If a value is impossible; all faults are reported at once.

    Notes
    -----
    **Source**: Deep Compression, sections 2 and 3; ``balanced`` is ESE's load-balance-aware
    pruning (FPGA 2017), ``quality`` the threshold of Learning both Weights and Connections (NIPS
    2015). The default prunes nothing: without retraining a density is the user's decision.
    `paper_recipe` is the default of retraining.

    Examples
    --------
    >>> Recipe(density={"fc*": 0.1}).density_of("fc1")
    0.1
    """

    density: PerLayer[float] = 1.0
    bits: PerLayer[int] = 4
    quality: PerLayer[float] | None = None
    index_bits: PerLayer[int | Literal["auto"]] = "auto"
    method: PerLayer[str] = "magnitude"
    initialization: PerLayer[str] = "best"
    schedule: PerLayer[Schedule] = Schedule()
    runs_on: PerLayer[RunsOn] = "machine"

    def __post_init__(self) -> None:
        faults = [
            f"{field.name}: {key!r} is no text; layers are named by texts"
            for field in fields(self)
            for key, _ in _items(getattr(self, field.name))
            if not isinstance(key, str)
        ]
        faults += [
            f"{field.name}{_at(key)} = {value!r} is not {_ALLOWED[field.name].what}"
            for field in fields(self)
            for key, value in _items(getattr(self, field.name))
            if not (value is None and field.default is None)
            and not _ALLOWED[field.name].holds(value)
        ]
        if faults:
            raise RecipeError("impossible recipe: " + "; ".join(faults) + "; correct these values")

    def density_of(self, *names: str) -> float:
        """Return the density of a layer with one or several names."""
        return _lookup(self.density, names, 1.0)

    def quality_of(self, *names: str) -> float | None:
        """Return the quality parameter of a layer's threshold, or None if it has a density."""
        return _lookup(self.quality, names, None)

    def bits_of(self, *names: str) -> int:
        """Return the codebook bits of a layer."""
        return _lookup(self.bits, names, 4)

    def index_bits_of(self, *names: str) -> int | Literal["auto"]:
        """Return the bits of a layer's relative indices in a stored file."""
        return _lookup(self.index_bits, names, "auto")

    def method_of(self, *names: str) -> str:
        """Return the pruning method of a layer."""
        return _lookup(self.method, names, "magnitude")

    @property
    def counts_pes(self) -> bool:
        """Whether any layer's pruning depends on the number of PEs."""
        return any(METHODS[str(method)].counts_pes for _, method in _items(self.method))

    def initialization_of(self, *names: str) -> str:
        """Return how a layer's shared values are found."""
        return _lookup(self.initialization, names, "best")

    def schedule_of(self, *names: str) -> Schedule:
        """Return the schedule of a layer's pruning in retraining."""
        return _lookup(self.schedule, names, Schedule())

    def runs_on_of(self, *names: str) -> RunsOn:
        """Return where a layer runs, as far as the recipe decides it."""
        return _lookup(self.runs_on, names, "machine")

    def for_layers(self, layers: Iterable[NamedLayer]) -> Recipe:
        """Return the recipe for a model's layers, with their own names for other names of them.

        Parameters
        ----------
        layers : iterable of NamedLayer
            All layers of the model.

        Raises
        ------
        RecipeError
            If what is no pattern is another name of several layers; all faults at once.

        Notes
        -----
        Names and patterns that match a layer's own name, or that of a convolution, are about these
        alone. Others are looked up among the layers' other names; what is found nowhere stays.
        """
        names = LayerNames(layers)
        patterns = {k: None for f in fields(self) for k, _ in _items(getattr(self, f.name)) if k}
        if several := [key for key in patterns if names.is_ambiguous(key)]:
            faults = (
                f"{key!r} stands for {', '.join(names.meant(key))}: name one, or give a pattern"
                for key in several
            )
            raise RecipeError(f"recipe: {'; '.join(faults)}")

        def resolved(setting: object) -> Any:
            if not isinstance(setting, Mapping):
                return setting
            found: dict[str, Any] = {}
            for key, value in setting.items():
                for name in names.meant(key) or [key]:
                    found.setdefault(name, value)  # the first match counts
            return found

        return Recipe(**{spec.name: resolved(getattr(self, spec.name)) for spec in fields(self)})

    def unused_patterns(self, layers: list[str]) -> list[str]:
        """Return the names and patterns that match none of `layers`; kinds may match none."""
        patterns = {k: None for f in fields(self) for k, _ in _items(getattr(self, f.name)) if k}
        return [
            p
            for p in patterns
            if not p.startswith("@") and not any(fnmatchcase(layer, p) for layer in layers)
        ]

    def _repr_html_(self) -> str:
        """Show every setting and the layers that it applies to."""
        rows: list[tuple[str, str, str]] = []
        for spec in fields(self):
            setting = getattr(self, spec.name)
            by_layer = setting if isinstance(setting, Mapping) else {"all": setting}
            rows += [(spec.name, layer, str(value)) for layer, value in by_layer.items()]
        return table("Recipe", ["field", "layers", "value"], rows)

    def to_json(self) -> str:
        """Return the recipe as JSON with sorted keys, defaults included.

        All but `runs_on`: without it, recipes, and what was found with them, are as they were
        before there was such a field.
        """
        return json.dumps(
            {
                field.name: _plain(value)
                for field in fields(self)
                if (value := getattr(self, field.name)) is not None
                and not (field.name == "runs_on" and value == field.default)
            },
            sort_keys=True,
        )


def paper_recipe() -> Recipe:
    """Return the paper's recipe, for networks that will be retrained.

    Notes
    -----
    **Source**: Deep Compression, Table 4: AlexNet's large dense layers keep 9 % and its
    convolutions 35 to 38 %. 4 bits everywhere are what EIE decodes.
    """
    return Recipe(density={"@conv": 0.37, "@dense": 0.09})


def recipe_from_dict(settings: object) -> Recipe:
    """Return the recipe that a parsed YAML or JSON document describes.

    Raises
    ------
    RecipeError
        If it is not a mapping, or has unknown fields or impossible values; the message lists all.
    """
    if not isinstance(settings, Mapping):
        raise RecipeError(f"recipe: a {type(settings).__name__}; give a mapping {_FIELDS}")
    faults = [
        f"{k!r} is no field of a recipe, take one of {_FIELDS}"
        for k in settings
        if k not in _ALLOWED
    ]
    known = {name: value for name, value in settings.items() if name in _ALLOWED}
    if "schedule" in known:
        known["schedule"] = _schedules(known["schedule"])
    try:
        recipe = Recipe(**known)
    except RecipeError as error:
        faults.append(str(error))
    if faults:
        raise RecipeError("; ".join(faults))
    return recipe


AnyRecipe: TypeAlias = Recipe | Mapping[str, Any] | str | PathLike[str] | None
"""A recipe, its fields by name, the path of a file with them, or none."""


def as_recipe(given: AnyRecipe) -> Recipe | None:
    """Return the recipe that is given as one, as its fields, as a file's path, or not at all.

    Raises
    ------
    RecipeError
        If it is none of these, or impossible.

    Examples
    --------
    >>> as_recipe({"density": 0.2}).density
    0.2
    """
    if given is None or isinstance(given, Recipe):
        return given
    return read_recipe(given) if isinstance(given, str | PathLike) else recipe_from_dict(given)


def read_recipe(path: str | PathLike[str]) -> Recipe:
    """Read a recipe from a YAML or JSON file.

    Raises
    ------
    RecipeError
        If the file cannot be read or is not a valid recipe; the message names it.
    """
    try:
        return recipe_from_dict(read_yaml(Path(path).read_text("utf-8")))
    except OSError as error:
        raise RecipeError(
            f"{path}: cannot be read: {error.strerror or error}; give a YAML or JSON file"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(
            f"{path}: not YAML: {' '.join(str(error).split())}; correct it"
        ) from error
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from error


def _schedules(value: object) -> object:
    """Convert the valid schedules of a document (one, or several by pattern) to objects."""
    names = {field.name for field in fields(Schedule)}
    if not isinstance(value, Mapping):
        return value
    if value.keys() <= names:
        return Schedule(**value)
    return {
        key: Schedule(**one) if isinstance(one, Mapping) and one.keys() <= names else one
        for key, one in value.items()
    }


@dataclass(frozen=True)
class _Allowed:
    what: str
    holds: Callable[[Any], bool]


def _is_int(value: object, low: int, high: float) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _one_of(names: tuple[str, ...]) -> _Allowed:
    return _Allowed(f"one of {', '.join(names)}", lambda v: isinstance(v, str) and v in names)


_ALLOWED = {
    "density": _Allowed("a number in (0, 1]", lambda v: _is_number(v) and 0 < v <= 1),
    "bits": _Allowed(
        f"an integer in {MIN_BITS}..{MAX_BITS}", lambda v: _is_int(v, MIN_BITS, MAX_BITS)
    ),
    "quality": _Allowed(
        "a number of at least 0", lambda v: _is_number(v) and 0 <= v < float("inf")
    ),
    "index_bits": _Allowed(
        f"an integer in 1..{MAX_INDEX_BITS} or 'auto'",
        lambda v: v == "auto" or _is_int(v, 1, MAX_INDEX_BITS),
    ),
    "method": _one_of(PRUNING_METHOD.values),
    "initialization": _one_of(INITIALIZATION.values),
    "schedule": _Allowed(
        "a schedule: start of at least 0 and steps of at least 1",
        lambda v: (
            isinstance(v, Schedule)
            and _is_int(v.start, 0, float("inf"))
            and _is_int(v.steps, 1, float("inf"))
        ),
    ),
    "runs_on": _one_of(RUNS_ON.values),
}
_FIELDS = f"({', '.join(_ALLOWED)})"


def _items(setting: object) -> Iterator[tuple[Any, object]]:
    yield from setting.items() if isinstance(setting, Mapping) else [("", setting)]


def _at(key: object) -> str:
    return "" if key == "" else f"[{key!r}]"


def _plain(setting: Any) -> Any:
    if isinstance(setting, Mapping):
        return {key: _plain(value) for key, value in setting.items()}
    return asdict(setting) if isinstance(setting, Schedule) else setting


def _lookup(setting: PerLayer[T], names: tuple[str, ...], default: T) -> T:
    if not isinstance(setting, Mapping):
        return setting
    matches = (
        value
        for pattern, value in setting.items()
        if any(fnmatchcase(name, pattern) for name in names)
    )
    return next(matches, default)
