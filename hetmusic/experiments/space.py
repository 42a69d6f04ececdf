"""What a tuning study may choose from: a table a setting, in TOML."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hetmusic._toml import read_toml, tomllib, value_at
from hetmusic.errors import ConfigError, did_you_mean
from hetmusic.experiments.conditions import resolve, ways_to, with_dependents, without_fixed
from hetmusic.experiments.dimension import Dimension
from hetmusic.experiments.models import check_model
from hetmusic.experiments.plugin_arguments import with_plugin_conditions
from hetmusic.models.plugin_spec import at_key

logger = logging.getLogger(__name__)

#: packages that hold ``spaces/<model>.toml``
_PACKAGES = ("hetmusic.experiments", "hetmusic.rivals")

_ABSENT = object()


@dataclass(frozen=True)
class Space:
    """The settings that are searched, by dotted key, each after those that it depends on."""

    dimensions: dict[str, Dimension]
    #: the file, for messages
    source: str

    def without(self, settings: Mapping[str, Any]) -> Space:
        """Less the settings that are fixed, and those that count only where a fixed one had another value.

        :param settings: nested.
        """
        fixed = {key: value_at(settings, key, _ABSENT) for key in self.dimensions}
        fixed = {key: value for key, value in fixed.items() if value is not _ABSENT}
        kept, idle = without_fixed(self.dimensions, fixed)
        if idle:
            logger.warning("%s: with what is fixed, these do not count: %s", self.source, ", ".join(idle))
        return Space(kept, self.source)

    def check(self, model: str, settings: Mapping[str, Any]) -> None:
        """Refuse a setting that the model does not have, or values that it does not take.

        Values of a setting that depends on others are tried with every value of theirs under which it counts.

        :param settings: the settings that stay as they are, nested.
        :raises ConfigError: naming file and key.
        """
        for key, dimension in self.dimensions.items():
            for above in ways_to(key, self.dimensions):
                for value in dimension.extremes():
                    chosen = with_dependents({**above, key: value}, self.dimensions)
                    others = ", ".join(f"{name} = {v!r}" for name, v in chosen.items() if name != key)
                    beside = f" (with {others})" if others else ""
                    with at_key(f"{self.source}: setting {key!r}{beside}"):
                        check_model(model, {**settings, **chosen})

    def with_plugin_conditions(self) -> Space:
        """Arguments of plug-ins that are searched as well count for the choices alone that take them.

        :raises ConfigError: naming an argument that no choice takes.
        """
        found = with_plugin_conditions(self.dimensions, self.source)
        return self if found == self.dimensions else Space(resolve(found, self.source), self.source)

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable form, by key."""
        return {key: value.model_dump(exclude_defaults=True) for key, value in self.dimensions.items()}


def load_space(model: str, file: Path | str | None = None) -> Space:
    """Read a search space.

    :param file: None takes the one that comes with the model.
    :raises ConfigError: if there is none, or naming the file and the key that is unknown or wrong.
    """
    if file is not None:
        return parse_space(read_toml(Path(file)), str(file))
    text = built_in(model)
    if text is None:
        raise ConfigError(f"no search space comes with model {model!r}: give one with --space FILE")
    return parse_space(tomllib.loads(text), f"search space of {model}")


def built_in(model: str) -> str | None:
    """The search space that comes with a model, as TOML; None if there is none."""
    name = f"{model.partition(':')[0]}.toml"
    files = [resources.files(package) / "spaces" / name for package in _PACKAGES]
    return next((file.read_text(encoding="utf-8") for file in files if file.is_file()), None)


def parse_space(values: Mapping[str, Any], source: str) -> Space:
    """Check a search space that was read from TOML."""
    dimensions = _dimensions(values, (), source)
    if not dimensions:
        raise ConfigError(f"{source}: there is no setting in it")
    return Space(resolve(dimensions, source), source)


def _dimensions(values: Mapping[str, Any], path: tuple[str, ...], source: str) -> dict[str, Dimension]:
    """Tables that say how a setting varies; all others are sections of settings."""
    found: dict[str, Dimension] = {}
    for name, value in values.items():
        key = ".".join((*path, name))
        if not isinstance(value, Mapping):
            raise ConfigError(f"{source}: {key} is not a table such as [{key}] with type, low and high")
        is_section = value and all(isinstance(inner, Mapping) for inner in value.values())
        if is_section:
            found |= _dimensions(value, (*path, name), source)
        else:
            found[key] = _dimension(value, key, source)
    return found


def _dimension(value: Mapping[str, Any], key: str, source: str) -> Dimension:
    try:
        return Dimension.model_validate(value)
    except ValidationError as problem:
        first = problem.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else ""
        if first["type"] == "extra_forbidden":
            known = list(Dimension.model_fields)
            hint = did_you_mean(field, known) or f"; known: {', '.join(known)}"
            raise ConfigError(f"{source}: {key} has an unknown key {field!r}{hint}") from None
        where = f"{key}.{field}" if field else key
        raise ConfigError(f"{source}: {where}: {first['msg'].removeprefix('Value error, ')}") from None
