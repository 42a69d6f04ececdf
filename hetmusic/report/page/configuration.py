"""The configuration of a run as a table, with what differs from its preset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hetmusic._toml import flat
from hetmusic.errors import ConfigError
from hetmusic.report.page.blocks import NOTHING, Table

_ABSENT = object()


def configuration_table(config: Mapping[str, Any]) -> Table:
    """Every setting by dotted key; rows that differ from the preset are marked, and those of none come without."""
    preset = str(config.get("preset", ""))
    usual = preset_settings(preset)
    settings = flat({key: value for key, value in config.items() if key != "preset"})
    rows, marked = [], set()
    for number, (key, value) in enumerate(settings.items()):
        expected = usual.get(key, _ABSENT)
        if usual and value != expected:
            marked.add(number)
        rows.append([key, _shown(value), NOTHING if expected is _ABSENT else _shown(expected)])
    caption = f"All settings; marked ones differ from the preset {preset}" if usual else "All settings"
    header = ["setting", "value", f"preset {preset}" if preset else "preset"]
    return Table(caption, header, rows, frozenset({1, 2}), frozenset(marked))


def changed(config: Mapping[str, Any]) -> list[str]:
    """The settings that differ from the preset, as ``--set`` takes them."""
    table = configuration_table(config)
    return [f"{table.rows[number][0]}={table.rows[number][1]}" for number in sorted(table.marked)]


def preset_settings(name: str) -> dict[str, Any]:
    """Settings of a preset by dotted key; none if there is no such preset (any more)."""
    from hetmusic.training.load_config import load_config

    try:
        config = load_config(name)
    except ConfigError:
        return {}
    values = config.model_dump(mode="json", exclude={"preset"}, exclude_none=True)
    return flat(values)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(_shown(part) for part in value) + "]"
    return str(value)
