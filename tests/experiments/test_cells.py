"""Cells: what their keys depend on, and what they hold."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from hetmusic.errors import ConfigError, RunError, UserError
from hetmusic.evaluation import evaluate
from hetmusic.experiments.cells import Cell, CellResult, complete_settings
from hetmusic.experiments.models import make_model
from hetmusic.experiments.problems import identify_graph, identify_split
from hetmusic.experiments.worker import Request, run_cell
from tests.experiments.toys import WAVES

CELL = Cell(
    model="ease",
    settings={"l2": 75.0, "form": "auto"},
    given={"l2": 75},
    seed=0,
    control=None,
    graph="aa",
    features="bb",
    split="cc",
    metric="ndcg@10",
    mask="train",
    ks=[5, 10],
)

OTHERS = {
    "model": "ials",
    "settings": {"l2": 76.0, "form": "auto"},
    "seed": 1,
    "control": "shuffled-kg",
    "graph": "ab",
    "features": "ba",
    "split": "cd",
    "metric": "recall@10",
    "mask": "train+valid",
    "ks": [5, 10, 20],
}


def test_the_key_depends_on_every_field_but_how_settings_were_given():
    assert {*OTHERS, "given"} == set(Cell.model_fields)
    keys = {CELL.key, *(CELL.model_copy(update={name: value}).key for name, value in OTHERS.items())}
    assert len(keys) == 1 + len(OTHERS)
    assert CELL.model_copy(update={"given": {}}).key == CELL.key


def test_the_key_is_stable():
    shuffled = Cell.model_validate({**dict(reversed(CELL.model_dump().items())), "given": {"other": 1}})
    assert shuffled.key == CELL.key
    # another key would make all old results worthless
    assert CELL.key == "fef400ca9d57a59a03c83b748f2e35bbff42c5b1bc026557258bfe5c759d9e0c"


def test_folder_names_are_readable_and_safe():
    assert CELL.folder_name == f"ease-seed0-{CELL.key[:12]}"
    own = CELL.model_copy(update={"model": "my_pkg.mod:Thing", "control": "shuffled-audio"})
    assert own.folder_name == f"my-pkg.mod-Thing-shuffled-audio-seed0-{own.key[:12]}"


def test_complete_settings_are_all_but_what_the_cell_has():
    assert complete_settings("ease", {"l2": 3}) == {"l2": 3.0, "form": "auto", "memory_mb": 1024.0}
    found = complete_settings("mmgnn:paper", {"training": {"lr": 0.5}})
    assert (found["preset"], found["training"]["lr"], found["training"]["loss"]) == ("paper", 0.5, "bpr")
    assert not {"seed", "split"} & set(found)
    with pytest.raises(ConfigError, match="did you mean 'l2'"):
        complete_settings("ease", {"l": 3})


@pytest.fixture(scope="module")
def request_(problem, tmp_path_factory):
    place = tmp_path_factory.mktemp("cells")
    problem.split.save(place / "split")
    identity = identify_graph(problem.graph)
    cell = Cell(
        model=WAVES,
        settings=complete_settings(WAVES, {"angle": 2.0}),
        given={"angle": 2.0},
        seed=3,
        graph=identity["checksum"],
        features=identity["features"],
        split=identify_split(problem.split),
        metric="ndcg@10",
        mask="train+valid",
        ks=[5, 10],
    )
    found = Request(cell=cell, graph=problem.graph.path, split=place / "split", out=place / "cell")
    run_cell(found)
    return found


def test_settings_that_mean_something_else_by_now_are_not_run(request_, tmp_path):
    """A preset or a default was edited while a comparison was under way."""
    cell = request_.cell.model_copy(update={"settings": {**request_.cell.settings, "angle": 1.0}})
    changed = request_.model_copy(update={"cell": cell, "out": tmp_path / "cell"})
    with pytest.raises(UserError, match="have changed since this was started"):
        run_cell(changed)
    assert not changed.out.exists()


def test_a_cell_holds_what_evaluate_says(problem, request_):
    result = CellResult.load(request_.out)
    fitted = make_model(WAVES, {"angle": 2.0}).fit(problem, seed=3)
    found = evaluate(fitted.scorer, problem.split, part="test", mask="train+valid", ks=[5, 10])
    assert result.measured.cell == request_.cell
    assert result.measured.valid == fitted.valid
    assert result.measured.test == found.values
    assert result.measured.protocol == found.to_dict()["protocol"]
    assert result.measured.info == {"seed": 3}
    users, values = result.per_user
    assert users.tolist() == found.users.tolist()
    for name, expected in found.per_user.items():
        np.testing.assert_array_equal(values[name], expected)


def test_cost_is_measured(request_):
    measured = CellResult.load(request_.out).measured
    assert 0 < measured.seconds < 30
    assert 0 <= measured.cpu_seconds <= measured.seconds + 0.1
    assert measured.peak_mb >= measured.base_mb > 50  # Python, numpy and polars


def test_cells_that_are_not_there_or_damaged(request_, tmp_path):
    assert CellResult.load(tmp_path / "nix") is None
    path = request_.out / "cell.json"
    whole = json.loads(path.read_text())
    broken = tmp_path / "cell"
    broken.mkdir()
    with pytest.raises(RunError, match=r"cell\.json does not exist"):
        CellResult.load(broken)
    (broken / "cell.json").write_text(json.dumps({**whole, "seconds": "long"}))
    with pytest.raises(RunError, match=r"cell\.json is damaged: field 'seconds'.*remove .* to run it again"):
        CellResult.load(broken)
    (broken / "cell.json").write_text(json.dumps(whole))
    with pytest.raises(RunError, match=r"per_user\.parquet is damaged"):
        _ = CellResult.load(broken).per_user
    pl.DataFrame({"user": [1, 2], "ndcg@10": [0.5, 0.25]}).write_parquet(broken / "per_user.parquet")
    users, values = CellResult.load(broken).per_user
    assert (users.tolist(), values["ndcg@10"].tolist()) == ([1, 2], [0.5, 0.25])
