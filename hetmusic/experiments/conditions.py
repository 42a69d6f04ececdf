"""Settings of a search that count only where others have some value: what ``when`` means, and which are drawn first."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from hetmusic.errors import ConfigError, did_you_mean
from hetmusic.experiments.dimension import Dimension, same


def resolve(dimensions: Mapping[str, Dimension], source: str) -> dict[str, Dimension]:
    """Conditions with whole keys, each setting after those that it depends on, otherwise in alphabetical order.

    :param source: the file, for messages.
    :raises ConfigError: for a condition on a setting or value that is not searched, or on the setting itself.
    """
    whole = {key: _with_whole_keys(key, dimensions, source) for key in sorted(dimensions)}
    found: dict[str, Dimension] = {}

    def add(key: str, above: tuple[str, ...]) -> None:
        if key in above:
            chain = " needs ".join([*above[above.index(key) :], key])
            raise ConfigError(f"{source}: conditions go in a circle: {chain}")
        for other in whole[key].when or {}:
            add(other, (*above, key))
        found.setdefault(key, whole[key])

    for key in whole:
        add(key, ())
    return found


def _with_whole_keys(key: str, dimensions: Mapping[str, Dimension], source: str) -> Dimension:
    dimension = dimensions[key]
    if dimension.when is None:
        return dimension
    when = {}
    for name, values in dimension.when.items():
        other = _find(name, key, dimensions)
        if other is None:
            known = [k for k in dimensions if k != key]
            hint = did_you_mean(name, known) or f"; searched are: {', '.join(known) or 'no others'}"
            raise ConfigError(f"{source}: {key}.when: {name!r} is no setting that is searched{hint}")
        _check_values(f"{source}: {key}.when", other, values, dimensions[other])
        when[other] = values
    return dimension.model_copy(update={"when": when})


def _find(name: str, key: str, dimensions: Mapping[str, Dimension]) -> str | None:
    """The setting that a condition names: by its whole key, or by what is left of it in the same table or one around it."""
    tables = key.split(".")[:-1]
    near = (".".join([*tables[:depth], name]) for depth in range(len(tables), -1, -1))
    return next((candidate for candidate in near if candidate in dimensions), None)


def _check_values(where: str, other: str, values: list[Any], dimension: Dimension) -> None:
    if dimension.type == "float":
        raise ConfigError(f"{where}: {other} is a float, which has no single values")
    if not values:
        raise ConfigError(f"{where}: {other} has no value in it")
    for value in values:
        if dimension.encode(value) is None:
            known = dimension.extremes()
            shown = ", ".join(map(str, known)) if dimension.choices else f"from {known[0]} to {known[1]}"
            hint = did_you_mean(str(value), map(str, known)) if isinstance(value, str) else ""
            raise ConfigError(f"{where}: {value!r} is no value of {other}{hint or f'; it has {shown}'}")


def without_fixed(
    dimensions: Mapping[str, Dimension], fixed: Mapping[str, Any]
) -> tuple[dict[str, Dimension], list[str]]:
    """The settings that are left to search, less those that could never count.

    :param fixed: values of those that are not searched, by key.
    :return: beside them the keys of those that could not.
    """
    left: dict[str, Dimension] = {}
    idle: list[str] = []
    for key, dimension in dimensions.items():
        if key in fixed:
            continue
        when = dimension.when or {}
        met = {
            other: any(same(fixed[other], v) for v in values)
            for other, values in when.items()
            if other in fixed
        }
        if not all(met.values()) or any(other in idle for other in when):
            idle.append(key)
            continue
        open_ones = {other: values for other, values in when.items() if other not in fixed}
        left[key] = (
            dimension
            if len(open_ones) == len(when)
            else dimension.model_copy(update={"when": open_ones or None})
        )
    return left, idle


def ways_to(key: str, dimensions: Mapping[str, Dimension]) -> Iterator[dict[str, Any]]:
    """The values of other settings under which one counts, as few as it takes."""
    when = dimensions[key].when or {}
    ways = [
        [{**above, other: value} for value in values for above in ways_to(other, dimensions)]
        for other, values in when.items()
    ]
    for parts in itertools.product(*ways):
        merged = {name: value for part in parts for name, value in part.items()}
        if all(same(merged[name], value) for part in parts for name, value in part.items()):
            yield merged


def with_dependents(chosen: Mapping[str, Any], dimensions: Mapping[str, Dimension]) -> dict[str, Any]:
    """Values of settings, and of those that count because of them, with the first that each may have."""
    found = dict(chosen)
    for key, dimension in dimensions.items():
        when = dimension.when or {}
        if key not in found and any(other in found for other in when) and dimension.counts(found):
            found[key] = dimension.extremes()[0]
    return found
