"""The tables of docs/train.md, made from the configuration models; ``python -m tests.config_tables`` rewrites them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from hetmusic.models.config import ModelConfig, RelationConfig, TowerConfig
from hetmusic.training import FitConfig, SplitConfig, TrainingConfig, load_config

PAGE = Path(__file__).resolve().parent.parent / "docs" / "train.md"
SECTIONS: dict[str, type[BaseModel]] = {
    "general": FitConfig,
    "model": ModelConfig,
    "relations": RelationConfig,
    "towers": TowerConfig,
    "training": TrainingConfig,
    "split": SplitConfig,
}


def table(section: str, model: type[BaseModel]) -> str:
    """A Markdown table of a model's fields: key, default (and what the default preset makes of it), meaning."""
    preset = getattr(load_config(), section, None)
    rows = ["| key | default | meaning |", "|---|---|---|"]
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True)
        if isinstance(default, BaseModel) or (isinstance(default, dict) and name in SECTIONS):
            continue  # a section, which has a table of its own
        value = _toml(default)
        chosen = getattr(preset, name, default)
        if chosen != default:
            value += f"; preset {_toml(chosen)}"
        rows.append(f"| `{name}` | {value} | {_plain(field.description or '')} |")
    return "\n".join(rows)


def with_tables(page: str) -> str:
    """The page with the tables between its ``<!-- config: NAME -->`` marks made anew."""
    for name, model in SECTIONS.items():
        begin, end = f"<!-- config: {name} -->\n", "<!-- end -->"
        pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
        made = f"{begin}\n{table(name, model)}\n\n{end}"
        page, count = pattern.subn(lambda _, made=made: made, page)
        assert count == 1, f"docs/train.md needs one table marked {begin!r}"
    return page


def _toml(default: Any) -> str:
    if default is None or default is PydanticUndefined:
        return ""
    return f"`{json.dumps(list(default) if isinstance(default, tuple) else default)}`"


def _plain(description: str) -> str:
    text = re.sub(r":\w+:`~?([^`]*)`", r"`\1`", " ".join(description.split()))
    return text.replace("``", "`").replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
