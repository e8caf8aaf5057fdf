"""Bind dynamic dimensions to numbers: the machine needs static shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tvm import IRModule, tirx

from eie_backend.errors import ModelError

MAX_EXTENT = 2**31 - 1
"""Largest dimension that a user can bind."""


def bind_dimensions(
    mod: IRModule, bind: Mapping[str, int] | None = None, label: str = "model"
) -> IRModule:
    """Return a Relax module whose `main` has static shapes.

    Parameters
    ----------
    mod : IRModule
        A module with dynamic dimensions in the inputs of `main`.
    bind : mapping of str to int, optional
        Their values, as ``input.axis`` of any place where the dimension stands.
    label : str
        What messages call the model.

    Raises
    ------
    ModelError
        If a dimension stays dynamic, or a name or a size is wrong.
    """
    bind = dict(bind or {})
    places: dict[tirx.Var, list[str]] = {}
    computed: list[str] = []
    for param in mod["main"].params:
        shape = getattr(param.ty, "shape", None)
        for axis, extent in enumerate(getattr(shape, "values", [])):
            if isinstance(extent, tirx.Var):
                places.setdefault(extent, []).append(f"{param.name}.{axis}")
            elif not isinstance(extent, tirx.IntImm):
                computed.append(f"{param.name}, axis {axis} ({extent})")
    if computed:
        raise ModelError(
            f"{label}: dimensions of {'; '.join(computed)} are computed from others; export the "
            "model with dimensions that are numbers or names"
        )
    # One dimension may stand at several places: the first is its name, each may be bound.
    first = {name: names[0] for names in places.values() for name in names}
    renamed = one_size_each(bind, first, label)
    where = {
        names[0]: [f"{n.rpartition('.')[0]}, axis {n.rpartition('.')[2]}" for n in names]
        for names in places.values()
    }
    check_bindings(renamed, where, label)
    if not places:
        return mod
    values = {var: renamed[names[0]] for var, names in places.items()}
    bound = mod["main"].bind_symbolic_vars(values)
    functions = {**dict(mod.functions_items()), mod.get_global_var("main"): bound}
    return IRModule(functions, attrs=mod.attrs)


def one_size_each(bind: Mapping[str, int], names: Mapping[str, str], label: str) -> dict[str, int]:
    """Return the sizes by the dimensions' names; `names` has those of their places.

    Raises
    ------
    ModelError
        If a dimension has two sizes.
    """
    given: dict[str, int] = {}
    for key, size in bind.items():
        name = names.get(key, key)
        if given.setdefault(name, size) != size:
            raise ModelError(
                f"{label}: bind {name}={given[name]}, {key}={size}: one dimension, two sizes; "
                "give one"
            )
    return given


def check_bindings(
    bind: Mapping[str, int], dynamic: Mapping[str, Sequence[str]], label: str
) -> None:
    """Raise `ModelError` unless `bind` gives every dynamic dimension a size, and no other.

    `dynamic` says for each dimension where it stands.
    """
    if faults := [f"{key}={size}" for key, size in bind.items() if not _is_extent(size)]:
        raise ModelError(
            f"{label}: bind {', '.join(faults)}: a dimension is an integer in 1..{MAX_EXTENT}"
        )
    if unknown := sorted(bind.keys() - dynamic.keys()):
        raise ModelError(
            f"{label}: bind {', '.join(unknown)}: no such dynamic dimension; the model has "
            f"{', '.join(sorted(dynamic)) or 'none'}"
        )
    if unbound := {name: places for name, places in dynamic.items() if name not in bind}:
        places = "; ".join(f"{name!r} ({', '.join(at)})" for name, at in unbound.items())
        sizes = ", ".join(f"{name}: 1" for name in unbound)
        flags = " ".join(f"--bind {name}=1" for name in unbound)
        keys = {name: at[0].replace(", axis ", ".") for name, at in unbound.items()}
        named = next((key for name, key in keys.items() if key != name), None)
        also = f"; a place is a name, too: {named}=1" if named else ""
        raise ModelError(
            f"{label}: the machine needs static shapes, but these dimensions are dynamic: "
            f"{places}; bind them, for example {flags} (Python: "
            f"bind={dict.fromkeys(unbound, 1)}; for a sweep: bind: {{{sizes}}}){also}"
        )


def _is_extent(size: object) -> bool:
    return isinstance(size, int) and not isinstance(size, bool) and 1 <= size <= MAX_EXTENT
