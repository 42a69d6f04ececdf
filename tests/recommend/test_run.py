from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from hetmusic.errors import ConfigError, RunError, UnknownKeyError
from hetmusic.graph import MusicGraph
from hetmusic.graph.splits import UNUSED, Split
from hetmusic.recommend import Recommendation, Run
from hetmusic.run_layout import RunInfo
from tests.recommend.conftest import ITEMS, PARTS, USERS


def keys(items: list[Recommendation]) -> list[str]:
    return [item.item_key for item in items]


def test_what_a_run_holds(run_folder: Path) -> None:
    run = Run.open(run_folder)
    assert run.config == {"training": {"lr": 0.01}}
    assert run.metrics["recall@2"] == 0.5
    assert run.user_keys == run.user_names == ["u0", "u1", "u2"]
    assert run.item_names == ["Artist 0", "Artist 1", "Artist 2", "Artist 3", "a4", "Artist 5"]
    assert isinstance(run.item_embeddings, np.memmap)
    np.testing.assert_array_equal(run.user_embeddings, USERS)
    assert run.split.counts == {"train": 3, "valid": 1, "test": 2, "unused": 0}
    assert "3 users, 6 artists" in repr(run)


def test_seen_items_are_left_out_and_test_items_are_not(run_folder: Path) -> None:
    assert Run.open(run_folder).recommend("u0", k=3) == [
        Recommendation("a2", "Artist 2", 4.0, 1),
        Recommendation("a3", "Artist 3", 3.0, 2),
        Recommendation("a4", "a4", 2.0, 3),
    ]


def test_seen_items_can_be_included(run_folder: Path) -> None:
    run = Run.open(run_folder)
    assert keys(run.recommend("u0", k=2, exclude_seen=False)) == ["a0", "a1"]


def test_ties_go_to_the_lower_item_index(run_folder: Path) -> None:
    run = Run.open(run_folder)
    assert keys(run.recommend("u1")) == ["a0", "a1", "a3", "a4", "a5"]
    assert keys(run.recommend("u2")) == ["a3", "a1", "a4", "a0", "a2"]


def test_scores_are_written_as_short_as_float32_allows(run_folder: Path) -> None:
    assert Run.open(run_folder).recommend("u0")[-1] == Recommendation("a5", "Artist 5", 1.1, 4)


def test_several_users_in_the_order_asked(run_folder: Path) -> None:
    run = Run.open(run_folder)
    lists = run.recommend(["u2", "u0", "u2"], k=2)
    assert list(lists) == ["u2", "u0"]
    assert lists["u0"] == run.recommend("u0", k=2)
    assert run.recommend([]) == {}


def test_number_as_key(run_folder: Path) -> None:
    with pytest.raises(UnknownKeyError, match="user '2' is not among the 3 users"):
        Run.open(run_folder).recommend(2)


def test_unknown_users(run_folder: Path) -> None:
    run = Run.open(run_folder)
    with pytest.raises(
        UnknownKeyError, match=r"^user 'u00' is not .* 3 users of .*run \(did you mean 'u0'\?\)$"
    ):
        run.recommend("u00")
    with pytest.raises(UnknownKeyError, match="2 of 3 users are unknown; first: user 'x' is not"):
        run.recommend(["u1", "x", "y"])


@pytest.mark.parametrize("k", [0, -1])
def test_k_must_be_positive(run_folder: Path, k: int) -> None:
    with pytest.raises(ConfigError, match=f"k is {k}"):
        Run.open(run_folder).recommend("u0", k)


def test_only_items_of_the_splits_catalogue_are_recommended(run_folder: Path, graph: MusicGraph) -> None:
    part = np.array(PARTS, np.uint8)
    part[2] = UNUSED  # a4 occurs nowhere else
    Split(graph.interactions, part, {}, "split").save(run_folder / "split")
    assert keys(Run.open(run_folder).recommend("u0")) == ["a2", "a3", "a5"]
    assert "a4" not in keys(Run.open(run_folder).recommend("u0", exclude_seen=False))


def test_evaluate_uses_the_stored_split(run_folder: Path) -> None:
    found = Run.open(run_folder).evaluate(ks=(1, 3), metrics=("recall",))
    assert found.users.tolist() == [0, 2]
    assert found.per_user["recall@1"].tolist() == [0, 1]
    assert found.per_user["recall@3"].tolist() == [1, 1]
    assert Run.open(run_folder).evaluate(users=["u2"]).users.tolist() == [2]
    assert Run.open(run_folder).evaluate(part="valid", ks=(1,))["recall@1"] == 1


def test_everything_but_the_graph_works_when_the_graph_has_gone(run_folder: Path, graph: MusicGraph) -> None:
    shutil.rmtree(graph.path)
    run = Run.open(run_folder)
    assert len(run.recommend("u0")) == 4
    assert run.evaluate(ks=(3,))["recall@3"] == 1
    for needs_graph in (lambda: run.graph, run.check_leakage):
        with pytest.raises(RunError, match=rf"graph folder {graph.path} .* is gone"):
            needs_graph()
    assert "is gone" in str(run.leakage_or_reason())


def test_the_graph_is_found_from_the_run_folder(run_folder: Path, graph: MusicGraph) -> None:
    info = RunInfo.load(run_folder)
    info.model_copy(update={"graph": info.graph.model_copy(update={"path": "../graph"})}).save(run_folder)
    assert Run.open(run_folder).graph.num_nodes("artist") == 6


def test_a_graph_that_has_changed_is_refused(run_folder: Path) -> None:
    info = RunInfo.load(run_folder)
    info.model_copy(update={"graph": info.graph.model_copy(update={"checksum": "0"})}).save(run_folder)
    with pytest.raises(RunError, match=r"is not the graph that .* was fitted on"):
        _ = Run.open(run_folder).graph


def test_leakage_check(run_folder: Path) -> None:
    run = Run.open(run_folder)
    report = run.check_leakage()
    assert run.leakage_or_reason() == report
    assert report.clean
    assert report.held_out == 3


def test_vectors_are_those_that_were_saved(run_folder: Path) -> None:
    run = Run.open(run_folder)
    np.testing.assert_array_equal(run.scorer.scores(np.arange(3), 0, 6), USERS @ ITEMS.T)
