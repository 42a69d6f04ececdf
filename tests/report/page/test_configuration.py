"""What differs from a preset is marked."""

from __future__ import annotations

from hetmusic.report.page.configuration import changed, configuration_table
from hetmusic.training.load_config import load_config


def complete(*overrides):
    return load_config(overrides=overrides).model_dump(mode="json", exclude_none=True)


def test_a_preset_differs_from_itself_in_nothing():
    assert changed(complete()) == []
    assert configuration_table(complete()).marked == frozenset()


def test_differences_are_marked():
    config = complete("training.lr=0.123", "model.modalities=['audio']", "relations.liked_by.encoder=gat")
    table = configuration_table(config)
    rows = {row[0]: row for row in table.rows}
    marked = [table.rows[number][0] for number in sorted(table.marked)]
    assert {"training.lr", "model.modalities", "relations.liked_by.encoder"} <= set(marked)
    assert rows["training.lr"][1:] == ["0.123", str(load_config().training.lr)]
    assert rows["model.modalities"][1] == "[audio]"
    assert "training.lr=0.123" in changed(config)
    assert "seed" in rows
    assert "preset" not in rows


def test_a_preset_that_is_unknown_marks_nothing():
    table = configuration_table({"preset": "of another version", "training": {"lr": 0.1}})
    assert (table.rows, table.marked) == ([["training.lr", "0.1", "–"]], frozenset())


def test_no_preset():
    assert configuration_table({"training": {"lr": 0.1}}).header == ["setting", "value", "preset"]
