"""The figure of how a run was trained."""

from __future__ import annotations

import json

import pytest

from hetmusic.errors import RunError
from hetmusic.report import NotAvailable, collect, get_figure, open_source, render

HISTORY = [
    {"epoch": 0, "loss": 4.0, "valid_ndcg@10": 0.1, "best_epoch": 0, "seconds": 2.0},
    {"epoch": 1, "loss": 3.0, "valid_ndcg@10": 0.3, "best_epoch": 1, "seconds": 2.5},
    {"epoch": 2, "loss": 2.5, "valid_ndcg@10": 0.2, "best_epoch": 1, "seconds": 1.5},
]


def write(run_folder, lines):
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (run_folder / "history.jsonl").write_text(text, encoding="utf-8")


def collected(run_folder):
    return collect(get_figure("training"), open_source(run_folder))


def test_golden(run_folder):
    write(run_folder, HISTORY)
    assert collected(run_folder).to_dict() == {
        "notes": [],
        "epochs": [0, 1, 2],
        "loss": [4.0, 3.0, 2.5],
        "metric": "ndcg@10",
        "values": [0.1, 0.3, 0.2],
        "start": None,
        "best_epoch": 1,
        "seconds": 6.0,
    }


def test_drawn(run_folder):
    write(run_folder, HISTORY)
    figure = get_figure("training").drawn(collected(run_folder), "dark")
    loss, valid = figure.axes
    assert loss.lines[0].get_xydata().tolist() == [[0, 4.0], [1, 3.0], [2, 2.5]]
    assert valid.lines[0].get_xydata().tolist() == [[0, 0.1], [1, 0.3], [2, 0.2]]
    assert valid.get_title(loc="left") == "Validation ndcg@10: 0.3000 in epoch 1, kept"


@pytest.mark.parametrize(("start", "title"), [(0.4, "0.4000 at the start"), (0.05, "0.3000 in epoch 1")])
def test_a_start_that_was_validated_is_drawn_before_the_epochs(run_folder, start, title):
    best = {"best_epoch": -1} if start > 0.3 else {}
    lines = [{**line, **best} for line in HISTORY]
    write(run_folder, [{**lines[0], "start_ndcg@10": start}, *lines[1:]])
    valid = get_figure("training").drawn(collected(run_folder)).axes[1]
    assert valid.lines[0].get_xydata().tolist() == [[-1, start], [0, 0.1], [1, 0.3], [2, 0.2]]
    assert valid.get_title(loc="left") == f"Validation ndcg@10: {title}, kept"
    valid.figure.canvas.draw()
    assert "start" in [label.get_text() for label in valid.get_xticklabels()]


def test_not_validated(run_folder):
    write(run_folder, [{"epoch": 0, "loss": 4.0, "seconds": 2.0}])
    data = collected(run_folder)
    assert (data.metric, data.best_epoch, data.values) == ("", None, [None])
    assert len(get_figure("training").drawn(data).axes) == 1


def test_of_an_epoch_trained_twice_the_later_counts(run_folder):
    write(run_folder, [*HISTORY, {**HISTORY[2], "loss": 2.25}])
    assert collected(run_folder).loss == [4.0, 3.0, 2.25]


def test_no_epoch(run_folder):
    write(run_folder, [])
    with pytest.raises(NotAvailable, match="trained for none"):
        collected(run_folder)


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"epoch": 0}', '{"epoch": "x", "loss": 1}', '{"epoch": 0, "loss": NaN}']
)
def test_damaged(run_folder, line):
    write(run_folder, HISTORY[:1])
    with (run_folder / "history.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(line + "\n")
    with pytest.raises(RunError, match=r"history\.jsonl, line 2"):
        collected(run_folder)


@pytest.mark.parametrize("format", ["png", "svg", "pdf"])
def test_the_same_data_give_the_same_bytes(run_folder, format):
    write(run_folder, HISTORY)
    data = collected(run_folder)
    first = render(get_figure("training"), data, "light", format)
    assert first == render(get_figure("training"), data, "light", format)
    assert first.startswith({"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[format])
    assert first != render(get_figure("training"), data, "dark", format)
