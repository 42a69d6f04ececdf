"""Settings that a person writes: TOML files, ``--set key=value``, and one on top of the other."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hetmusic.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["flat", "merge", "parse_override", "read_toml", "tomllib", "value_at"]


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    :raises ConfigError: if it is missing, or not TOML (with line and column).
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"configuration file {path} does not exist") from None
    except OSError as problem:
        raise ConfigError(
            f"configuration file {path} cannot be read: {problem.strerror or problem}"
        ) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise ConfigError(f"configuration file {path} cannot be read: {problem}") from None


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``over`` on top of ``base``, table by table."""
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        result[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result


def flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings by dotted key: ``{"training": {"lr": 0.1}}`` -> ``{"training.lr": 0.1}``."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + key: value}
    return found


def value_at(settings: Mapping[str, Any], key: str, default: Any = None) -> Any:
    """The value of a dotted key in nested settings; a default if there is none."""
    found: Any = settings
    for part in key.split("."):
        found = found.get(part, default) if isinstance(found, Mapping) else default
    return found


def parse_override(text: str) -> dict[str, Any]:
    """``"training.lr=0.003"`` -> ``{"training": {"lr": 0.003}}``.

    :raises ConfigError: if it is not of the form key=value.
    """
    key, equals, value = text.partition("=")
    parts = [part.strip() for part in key.split(".")]
    if not equals or not all(parts):
        raise ConfigError(f"--set {text!r} is not of the form section.key=value")
    try:
        parsed: Any = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value.strip()
    for part in reversed(parts):
        parsed = {part: parsed}
    return dict(parsed)
