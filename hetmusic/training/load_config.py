"""Reading a configuration: a preset, a TOML file over it, ``--set key=value`` over both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import ValidationError

from hetmusic._toml import merge, parse_override, read_toml, tomllib
from hetmusic.errors import ConfigError, did_you_mean
from hetmusic.models.relation_choice import is_relation
from hetmusic.models.strict import in_one_line
from hetmusic.models.tower_config import RELATION_KEYS
from hetmusic.training.config import FitConfig

_ABSENT = object()

#: keys of a relation's table that stay when its encoder is replaced
_KEPT = RELATION_KEYS - {"encoder"}


def preset_names() -> list[str]:
    """The presets that come with the package."""
    files = resources.files("hetmusic.presets").iterdir()
    return sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))


def load_config(
    preset: str = "default",
    file: Path | str | None = None,
    overrides: Iterable[str] = (),
    automatic: Mapping[str, Any] | None = None,
) -> FitConfig:
    """Put a configuration together.

    :param preset: name of a preset; the file's own ``preset`` key wins over the argument's default.
    :param file: TOML file whose keys replace the preset's, table by table.
    :param overrides: ``section.key=value`` with the value in TOML syntax (a bare word counts as text).

    :param automatic: settings between the preset and the file (:func:`hetmusic.training.automatic.choose`).

    Naming another encoder for a relation drops the arguments that the old one had.

    :raises ConfigError: naming the source and the key.
    """
    given = read_toml(Path(file)) if file is not None else {}
    name = given.get("preset", preset) if preset == "default" else preset
    values = _overlay(_overlay(_read_preset(str(name)), automatic or {}), given)
    sources = {f"preset {name}": values} if file is None else {str(file): given}
    settings: dict[str, Any] = {}
    for text in overrides:
        override = parse_override(text)
        sources[f"--set {text}"] = override
        settings = merge(settings, override)
    values = _overlay(values, settings)
    values["preset"] = name
    try:
        return FitConfig.model_validate(values)
    except ValidationError as problem:
        source = _source_of(problem, sources)
        raise ConfigError(f"{source}: {_explain(problem)}") from None


def with_settings(preset: str, settings: Mapping[str, Any], source: str) -> FitConfig:
    """A preset with some settings changed.

    :param settings: nested, section by section; naming another encoder drops the old one's arguments.
    :param source: named in the error.
    :raises ConfigError: for an unknown preset or key, or a wrong value.
    """
    return make_config({**_overlay(_read_preset(preset), settings), "preset": preset}, source)


def make_config(values: Mapping[str, Any], source: str = "configuration") -> FitConfig:
    """Validate a nested dictionary.

    :param source: named in the error.
    :raises ConfigError: for the first unknown key or wrong value.
    """
    try:
        return FitConfig.model_validate(values)
    except ValidationError as problem:
        raise ConfigError(f"{source}: {_explain(problem)}") from None
    except ConfigError as problem:
        raise ConfigError(f"{source}: {problem}") from None


def dump_toml(config: FitConfig) -> str:
    """The complete configuration as TOML, with defaults filled in (keys without a value are left out)."""
    return tomli_w.dumps(_without_none(config.model_dump(mode="json")))


def _read_preset(name: str) -> dict[str, Any]:
    if name not in preset_names():
        raise ConfigError(
            f"there is no preset {name!r}{did_you_mean(name, preset_names())}; known: {', '.join(preset_names())}"
        )
    return tomllib.loads((resources.files("hetmusic.presets") / f"{name}.toml").read_text(encoding="utf-8"))


def _overlay(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``over`` on top of ``base``; a plug-in that replaces another does not inherit the other's arguments."""
    base = _without_old_arguments(base, over)
    own = {
        name: _without_old_arguments(table, _table(_table(over, "towers"), name))
        for name, table in _table(base, "towers").items()
        if isinstance(table, Mapping)
    }
    return merge({**base, "towers": {**_table(base, "towers"), **own}} if own else base, over)


def _without_old_arguments(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` without the arguments of the plug-ins that ``over`` replaces."""
    left = dict(base)
    relations = dict(_table(base, "relations"))
    for name, new in _table(over, "relations").items():
        old = relations.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping) and _replaces(new, old, "encoder"):
            relations[name] = {key: value for key, value in old.items() if key in _KEPT}
    if relations:
        left["relations"] = relations
    for section, key in (("model", "combine"), ("training", "loss"), ("training", "sampler")):
        if _replaces(_table(over, section), _table(base, section), key):
            left[section] = {k: v for k, v in left[section].items() if k != f"{key}_arguments"}
    if _replaces(over, base, "combine"):  # the table of a tower
        left.pop("combine_arguments", None)
    return left


def _replaces(new: Mapping[str, Any], old: Mapping[str, Any], key: str) -> bool:
    return key in new and bool(old) and new[key] != old.get(key)


def _table(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = values.get(key)
    return found if isinstance(found, Mapping) else {}


def _source_of(problem: ValidationError, sources: dict[str, dict[str, Any]]) -> str:
    """The last of the sources that has the key of a problem; the last one of all if none has it.

    :param sources: name of the source -> its nested values.
    """
    where = problem.errors()[0]["loc"]
    for name, values in reversed(sources.items()):
        found: Any = values
        for part in where:
            found = found.get(part, _ABSENT) if isinstance(found, Mapping) else _ABSENT
        if found is not _ABSENT:
            return name
    return next(reversed(sources))


def _explain(problem: ValidationError) -> str:
    first = problem.errors()[0]
    key = str(first["loc"][0]) if len(first["loc"]) == 1 else ""
    if first["type"] == "extra_forbidden" and is_relation(key):
        return f"unknown key {key!r} (did you mean 'relations.{key}'?)"
    return in_one_line(problem, FitConfig)


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return [_without_none(item) for item in value] if isinstance(value, list) else value
