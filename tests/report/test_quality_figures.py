"""What figures of a run's quality show, computed by hand for the run of ``conftest.py``.

Lists without what is known: u0 gets a2, a3, a4, a5 and should find a4; u2 gets a3, a1, a4, a0, a2 and should find a3.
Training knows one listener each of a0, a2 and a5, and none of the others.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hetmusic.graph.splits import TEST, TRAIN, VALID, Split
from hetmusic.report import NotAvailable, ReportSettings, collect, get_figure, open_source
from hetmusic.report.figures.activity import quantile_groups
from hetmusic.report.figures.popularity import bounds
from tests.graphs import make_graph
from tests.recommend.conftest import LIKES


def collected(run_folder, name, **settings):
    return collect(get_figure(name), open_source(run_folder, ReportSettings(**settings)))


def replaced_split(run_folder, graph, parts):
    Split(graph.interactions, np.array(parts, np.uint8), {"strategy": "by hand"}).save(run_folder / "split")


def test_metrics(run_folder):
    data = collected(run_folder, "metrics", k=1)
    assert (data.ks, data.num_users, data.num_items, data.part) == ([1, 5, 10, 20, 50], 2, 6, "test")
    found = dict(zip(data.metrics, data.means, strict=True))
    assert found["recall"][:2] == [0.5, 1.0]
    assert found["precision"][:2] == [0.5, 0.2]
    assert found["ndcg"][:2] == [0.5, 0.75]
    assert found["mrr"][:2] == [0.5, pytest.approx(2 / 3)]
    ndcg = data.metrics.index("ndcg")
    assert (data.low[ndcg][1], data.high[ndcg][1]) == (0.5, 1.0)  # both drawn twice


def test_metrics_drawn_and_as_a_table(run_folder):
    data = collected(run_folder, "metrics")
    figure = get_figure("metrics").drawn(data)
    assert [axes.get_title(loc="left") for axes in figure.axes] == data.metrics
    assert [text.get_text() for text in figure.axes[0].texts] == ["0.200", "0.100", "0.050", "0.020"]
    (table,) = data.tables()
    assert table.header == ["metric", "@5", "@10", "@20", "@50"]
    assert table.rows[2][:2] == ["ndcg", "0.7500 [0.5000, 1.0000]"]


def test_without_test_interactions_those_of_validation_count(run_folder, graph):
    replaced_split(run_folder, graph, [TRAIN, VALID, TRAIN, TRAIN, VALID, TRAIN])
    data = collected(run_folder, "metrics")
    assert (data.part, data.mask, data.num_users) == ("valid", "train", 2)


def test_nothing_held_out(run_folder, graph):
    replaced_split(run_folder, graph, [TRAIN] * 6)
    for name in ("metrics", "activity", "popularity", "cold-warm", "calibration"):
        with pytest.raises(NotAvailable):
            collected(run_folder, name)


def test_one_user_has_no_interval(run_folder, graph):
    replaced_split(run_folder, graph, [TRAIN, TRAIN, TEST, TRAIN, TRAIN, TRAIN])
    data = collected(run_folder, "metrics")
    assert data.to_dict()["low"][0] == [None] * 4
    assert data.tables()[0].rows[1][1] == "1.0000"
    get_figure("metrics").drawn(data)
    for name in ("activity", "popularity", "cold-warm"):
        get_figure(name).drawn(collected(run_folder, name))


def test_activity(run_folder, graph):
    # u0 trains on two now, u2 on one
    replaced_split(run_folder, graph, [TRAIN, TRAIN, TEST, TRAIN, TEST, TRAIN])
    data = collected(run_folder, "activity", k=1)
    assert (data.fewest, data.most, data.num_users) == ([1, 2], [1, 2], [1, 1])
    assert data.metrics == ["ndcg@1", "recall@1"]
    assert data.means == [[1.0, 0.0], [1.0, 0.0]]
    assert data.tables()[0].rows[0] == ["1", "1", "1.0000", "1.0000"]
    axes = get_figure("activity").drawn(data).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1\n1 users", "2\n1 users"]
    assert [bar.get_height() for bar in axes.patches] == [1.0, 0.0]


def test_groups_of_equal_users_are_not_divided():
    assert quantile_groups(np.array([3, 3, 3, 3, 3]), 5).tolist() == [0] * 5
    assert quantile_groups(np.array([1, 2, 3, 4, 5, 6]), 3).tolist() == [0, 0, 1, 1, 2, 2]
    assert quantile_groups(np.array([9, 1, 1, 1, 1]), 2).tolist() == [1, 0, 0, 0, 0]
    assert quantile_groups(np.array([9, 9, 9, 9, 1]), 5).tolist() == [1, 1, 1, 1, 0]


def test_a_handful_of_users_is_no_group_of_its_own():
    few, most = np.array([3, 4] * 10), np.array([40] * 400)
    assert quantile_groups(np.concatenate([few, most, [41]]), 5).tolist() == [0] * 20 + [1] * 401
    assert quantile_groups(np.concatenate([[1], most, [41]]), 5).tolist() == [0] * 401 + [1]


@given(st.lists(st.integers(0, 40), min_size=1, max_size=300), st.integers(2, 6))
def test_groups_ascend_and_none_is_empty(values, groups):
    found = quantile_groups(np.array(values), groups)
    assert np.unique(found).tolist() == list(range(found.max() + 1))
    assert found.max() < groups
    assert len(set(values)) == 1 or found.max() > 0
    assert (np.diff(found[np.argsort(values, kind="stable")]) >= 0).all()
    assert all(len(set(found[np.array(values) == value])) == 1 for value in values)


def test_popularity(run_folder):
    data = collected(run_folder, "popularity", k=2)
    assert (data.fewest, data.most, data.num_items) == ([0, 1], [0, 1], [3, 3])
    assert (data.of_catalogue, data.of_training, data.of_lists) == ([0.5, 0.5], [0, 1], [0.75, 0.25])
    assert data.held_out == [2, 0]
    assert data.recall[0] == 0.5
    assert math.isnan(data.recall[1])
    assert data.coverage == 0.5
    assert data.novelty[0] == pytest.approx(math.log2(3))
    # counts 0 0 0 1 1 2, and 0 0 0 1 1 1
    assert (data.gini, data.training_gini) == (pytest.approx(14 / 24), pytest.approx(9 / 18))
    groups, whole = data.tables()
    assert groups.rows[1] == ["1", "3", "50.0%", "100.0%", "25.0%", "0", "–"]
    assert [row[:2] for row in whole.rows] == [
        ["coverage@2", "0.5000"],
        ["novelty@2, bits", "1.58 [1.58, 1.58]"],
        ["Gini index@2", "0.5833"],
    ]


def test_popularity_drawn(run_folder):
    left, right = get_figure("popularity").drawn(collected(run_folder, "popularity", k=2), "dark").axes
    assert [bar.get_height() for bar in left.patches] == [50, 50, 0, 100, 75, 25]
    assert [label.get_text() for label in left.get_xticklabels()] == ["0", "1"]
    assert [bar.get_height() for bar in right.patches] == [0.5]


@pytest.mark.parametrize(
    ("most", "wanted"),
    [
        (0, [0]),
        (1, [0, 1]),
        (3, [0, 1, 2]),
        (127, [0, 1, 2, 4, 8, 16, 32, 64]),
        (611, [0, 1, 4, 16, 64, 256]),
        (10**6, [0, 1, 8, 64, 512, 4096, 32768, 262144]),
    ],
)
def test_bounds_of_popularity(most, wanted):
    assert bounds(most) == wanted


def test_cold_items(run_folder):
    data = collected(run_folder, "cold-warm", k=1)
    # nothing warm is held out; of cold ones alone u0 gets a3, a4 and u2 gets a3, a1, a4
    assert data.kinds == ["cold", "cold, ranked alone"]
    assert (data.num_items, data.held_out) == ([3, 3], [2, 2])
    assert [found[:2] for found in data.recall] == [[0.5, 1.0], [0.5, 1.0]]
    axes = get_figure("cold-warm").drawn(data).axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "cold: 2 held out",
        "cold, ranked alone: 2 held out",
    ]


class TestWarm:
    """A graph in which two users share artists."""

    @pytest.fixture
    def graph(self, tmp_path):

        # in the same order: the held-out artists a4 (of u0) and a3 (of u2) have listeners elsewhere, or not
        return make_graph(tmp_path / "graph", [(0, 0), (0, 1), (0, 4), (1, 4), (2, 3), (2, 5)], artists=6)

    def test_both_kinds(self, run_folder):
        # u1 trains on a4, which u0 should find: warm; a3 stays cold
        data = collected(run_folder, "cold-warm", k=1)
        assert data.kinds == ["warm", "cold", "cold, ranked alone"]
        assert (data.num_items, data.held_out) == ([3, 3, 3], [1, 1, 1])
        assert [found[0] for found in data.recall] == [0.0, 1.0, 1.0]
        assert data.tables()[0].rows[0][:4] == ["warm", "3", "1", "0.0000"]

    def test_nothing_cold(self, run_folder, graph):
        replaced_split(run_folder, graph, [TRAIN, VALID, TEST, TRAIN, TRAIN, TRAIN])
        with pytest.raises(NotAvailable, match="none of the 1 test interactions is of one of the artists"):
            collected(run_folder, "cold-warm")


class TestCalibration:
    """Genres that u1 gave: a0 and a2 are of one, a3 and a5 of another."""

    @pytest.fixture
    def graph(self, tmp_path):

        tags = [(1, 0, "genre", 0), (1, 2, "genre", 0), (1, 3, "genre", 1), (1, 5, "genre", 1)]
        return make_graph(tmp_path / "graph", LIKES, tags=tags)

    def test_golden(self, run_folder):
        data = collected(run_folder, "calibration", k=2)
        half, nothing = math.log(1 / 0.505), math.log(1 / 0.01)
        assert data.divergence == pytest.approx([half, 0])
        # the most popular that they do not know: a2, a5 for u0; a0, a2 for u2
        assert data.popular == pytest.approx([half, nothing])
        assert data.mean[0] == pytest.approx(half / 2)
        assert (data.genres, data.history) == (["genre0", "genre1"], [0.5, 0.5])
        assert data.lists == [0.25, 0.75]
        assert data.tables()[1].rows == [
            ["genre0", "50.0%", "25.0%", "-25.0"],
            ["genre1", "50.0%", "75.0%", "+25.0"],
        ]

    def test_drawn(self, run_folder):
        left, right = get_figure("calibration").drawn(collected(run_folder, "calibration", k=2)).axes
        assert [label.get_text() for label in left.get_yticklabels()] == ["genre0", "genre1"]
        assert "recommendations: mean 0.342" in [text.get_text() for text in right.get_legend().get_texts()]

    def test_graph_gone(self, run_folder, graph):
        graph.path.rename(graph.path.with_name("elsewhere"))
        with pytest.raises(NotAvailable, match="is gone"):
            collected(run_folder, "calibration")


def test_without_genres(run_folder):
    with pytest.raises(NotAvailable, match="has no genres of artists"):
        collected(run_folder, "calibration")
