"""Clusters, groups, their names and their figures, for a run in which they are known."""

from __future__ import annotations

import numpy as np
import pytest

from hetmusic.errors import ConfigError
from hetmusic.report import NotAvailable, ReportSettings, collect, get_figure, open_source, render
from hetmusic.report.clustering import cluster, natural_number
from hetmusic.report.naming import in_words, lifts, typical
from tests.graphs import make_graph
from tests.report.runs import ARTISTS, USERS, kinds, make_run, make_world, world_vectors


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kinds")
    return make_run(folder / "run", make_world(folder / "graph"), *world_vectors())


@pytest.fixture(scope="module")
def source(world):
    return open_source(world, ReportSettings(clusters=3))


@pytest.fixture(scope="module")
def clusters(source):
    return collect(get_figure("clusters"), source)


@pytest.fixture(scope="module")
def heatmap(source):
    return collect(get_figure("heatmap"), source)


def test_lift():
    whole = np.array([0.5, 0.4, 0.1, 0.0])
    part = np.array([0.5, 0.1, 0.4, 0.0])
    assert lifts(part, whole) == pytest.approx([1, 0.25, 4, 0], rel=0.01)
    # frequent is not typical: the first has the highest share, the third the highest lift
    assert typical(part, whole, 2) == [2]
    assert typical(whole, whole, 2) == []
    # one mention of something rare does not name a part
    assert typical(np.array([0.98, 0.01, 0.01]), np.array([0.7, 0.299, 0.001]), 3) == [0]


def test_names_in_words():
    assert in_words(["doom metal", "sludge"], ["gloom"], "x") == "doom metal, sludge; gloom"
    assert in_words([], ["gloom"], "x") == "gloom"
    assert in_words([], [], "like A, B") == "like A, B"


def test_clusters_are_numbered_by_size():
    vectors = np.array([[0, 1], [1, 0], [1, 0.01], [1, 0.02]], np.float32)
    found = cluster(vectors, 2, seed=0)
    assert found.labels.tolist() == [1, 0, 0, 0]
    assert found.sizes.tolist() == [3, 1]
    assert found.centres == pytest.approx(np.array([[1, 0.01], [0, 1]]))
    assert [rows.tolist() for rows in found.nearest(vectors, 2)] == [[2, 1], [0]]


def test_fewer_different_vectors_than_clusters():
    with pytest.raises(ConfigError, match="3 clusters were asked for, but only 2 of 4 vectors are different"):
        cluster(np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.float32), 3, seed=0)


def test_the_number_of_groups_is_found():
    rng = np.random.default_rng(1)
    vectors = np.eye(5, dtype=np.float32)[np.repeat(np.arange(5), 20)] + rng.normal(0, 0.05, (100, 5)).astype(
        np.float32
    )
    assert natural_number(vectors, seed=0) == 5
    assert natural_number(np.eye(2, dtype=np.float32)[[0, 0, 1]], seed=0) == 2
    assert natural_number(np.ones((4, 2), np.float32), seed=0) == 1


def test_clusters(clusters):
    assert clusters.cluster.tolist() == kinds(ARTISTS).tolist()
    assert clusters.items.tolist() == list(range(sum(ARTISTS)))
    assert [c.size for c in clusters.clusters] == list(ARTISTS)
    assert [(c.genres, c.emotions) for c in clusters.clusters] == [
        (["doom metal"], ["anger"]),
        (["disco"], ["happiness"]),
        (["pop"], []),
    ]
    assert [c.name for c in clusters.clusters] == ["doom metal; anger", "disco; happiness", "pop"]
    for number, described in enumerate(clusters.clusters):
        centre = (clusters.centre_x[number], clusters.centre_y[number])
        place = int(described.items[0].removeprefix("Artist "))
        assert kinds(ARTISTS)[place] == number
        assert centre == (clusters.x[place], clusters.y[place])
    assert clusters.tables()[0].rows[1][:3] == ["2", "disco; happiness", "7"]


def test_clusters_drawn(clusters):
    figure = get_figure("clusters").drawn(clusters)
    points, crosses = figure.axes[0].collections[:2]
    assert points.get_offsets().shape == (21, 2)
    assert len({tuple(color) for color in points.get_facecolors()}) == 3
    assert np.allclose(crosses.get_offsets(), np.array([clusters.centre_x, clusters.centre_y]).T)
    assert [text.get_text() for text in figure.axes[0].texts] == ["1", "2", "3"]
    shown = [text.get_text() for text in figure.legends[0].get_texts()]
    assert shown[0] == "1  doom metal; anger (9)"
    assert shown[-1] == "centre of a cluster"


def test_300_clusters_of_21_artists(world):
    with pytest.raises(ConfigError, match=r"300 clusters were asked for, but .* has 21 artists"):
        collect(get_figure("clusters"), open_source(world, ReportSettings(clusters=300)))


def test_fewer_clusters_of_few_artists_unless_asked_for(world):
    data = collect(get_figure("clusters"), open_source(world))
    assert len(data.clusters) == 7
    assert data.notes == ("7 clusters, since there are 21 artists.",)


def test_a_sample(world):
    data = collect(get_figure("clusters"), open_source(world, ReportSettings(clusters=3, max_points=10)))
    assert len(data.items) == len(data.x) == len(data.cluster) == 10
    assert data.notes == ("Shown is a random sample of 10 of 21 artists; clusters are of all.",)
    assert [c.size for c in data.clusters] == list(ARTISTS)
    assert {int(c.items[0].removeprefix("Artist ")) for c in data.clusters} <= set(data.items.tolist())


def test_heatmap(heatmap):
    # the one artist with an emotion that the third kind of users listens to is the first
    assert [group.name for group in heatmap.groups] == ["doom metal; anger", "disco; happiness", "pop; anger"]
    assert [group.size for group in heatmap.groups] == list(USERS)
    # all users of the second and third kind like the first artist as well, unless it is held out
    assert heatmap.share.sum(axis=1) == pytest.approx([1, 1, 1])
    assert heatmap.share[0] == pytest.approx([1, 0, 0])
    assert heatmap.strength.argmax(axis=1).tolist() == [0, 1, 2]
    assert heatmap.expected == pytest.approx(np.average(heatmap.share, axis=0, weights=USERS))


def test_heatmap_drawn(heatmap):
    axes, bar = get_figure("heatmap").drawn(heatmap, "dark").axes
    assert axes.get_yticklabels()[0].get_text() == "doom metal; anger (6)"
    assert [label.get_text() for label in axes.get_xticklabels()][2] == "3  pop"
    assert len(axes.texts) == 9
    assert axes.texts[0].get_text() == f"{1 / heatmap.expected[0]:.1f}"
    assert bar.get_yticklabels()[2].get_text() == "as all users"


def test_300_groups_of_13_users(world):
    with pytest.raises(ConfigError, match=r"300 groups were asked for, but .* has 13 users"):
        collect(get_figure("heatmap"), open_source(world, ReportSettings(clusters=3, groups=300)))


def test_a_cluster_that_nobody_listens_to(tmp_path):
    graph = make_graph(
        tmp_path / "graph", [(u, a) for u in range(4) for a in range(6) if (u < 2) == (a < 3)], artists=9
    )
    users, items = (
        np.eye(3)[[0, 0, 1, 1]],
        np.eye(3)[kinds((3, 3, 3))] + np.linspace(0, 0.05, 27).reshape(9, 3),
    )
    source = open_source(make_run(tmp_path / "run", graph, users, items, 0), ReportSettings(clusters=3))
    data = collect(get_figure("heatmap"), source)
    assert data.notes == (
        f"Without cluster {9 - sum(c.number for c in data.clusters) - 3}, which nobody listens to in training.",
    )
    assert data.share.shape == (2, 2)
    assert sorted(data.strength.ravel().tolist()) == [0, 0, 2, 2]
    unheard = [
        c.name for c in source.map.clusters if c.name.startswith("not heard in training: like Artist ")
    ]
    assert len(unheard) == 1


def test_without_the_graph_clusters_are_named_by_artists(tmp_path):
    graph = make_world(tmp_path / "graph")
    folder = make_run(tmp_path / "run", graph, *world_vectors())
    graph.path.rename(tmp_path / "elsewhere")
    source = open_source(folder, ReportSettings(clusters=3))
    assert [c.name[:12] for c in collect(get_figure("clusters"), source).clusters] == ["like Artist "] * 3
    names = [group.name for group in collect(get_figure("heatmap"), source).groups]
    assert all(name.startswith("Artist ") for name in names)


@pytest.mark.parametrize("artists", [1, 2, 5])
def test_too_few_artists_for_a_map(tmp_path, artists):
    graph = make_graph(tmp_path / "graph", [(u, a) for u in range(3) for a in range(artists)])
    users, items = (
        np.ones((3, 2)) + np.eye(3)[:, :2],
        np.ones((artists, 2)) + np.arange(artists)[:, None] * [0, 1],
    )
    source = open_source(make_run(tmp_path / "run", graph, users, items))
    with pytest.raises(NotAvailable, match=f"^{artists} artists with vectors are too few for a map"):
        collect(get_figure("clusters"), source)
    for name in ("metrics", "activity", "popularity", "heatmap"):
        spec = get_figure(name)
        render(spec, collect(spec, source))


def test_all_vectors_alike(tmp_path):
    graph = make_graph(tmp_path / "graph", [(u, a) for u in range(3) for a in range(20)])
    folder = make_run(tmp_path / "run", graph, np.full((3, 2), 0.5), np.full((20, 2), 0.5))
    with pytest.raises(NotAvailable, match="the vectors of all 20 artists are the same"):
        collect(get_figure("clusters"), open_source(folder))
    data = collect(get_figure("heatmap"), open_source(folder))
    assert data.notes == ("1 cluster, since there are 20 artists with 1 different vectors.",)
    assert data.share.tolist() == [[1.0]]
    with pytest.raises(
        ConfigError, match="2 clusters were asked for, but only 1 of 20 vectors are different"
    ):
        collect(get_figure("heatmap"), open_source(folder, ReportSettings(clusters=2)))


def test_nothing_learned(tmp_path):
    graph = make_graph(tmp_path / "graph", [(0, 0), (0, 1), (1, 1)])
    source = open_source(make_run(tmp_path / "run", graph, np.zeros((2, 2)), np.zeros((2, 2))))
    with pytest.raises(NotAvailable, match="has learned nothing of any artist"):
        collect(get_figure("clusters"), source)
    with pytest.raises(NotAvailable, match="0 users with training interactions make no groups"):
        collect(get_figure("heatmap"), source)
