"""Taking the model apart: what each component's removal changes, and what is said when there is nothing to remove."""

from __future__ import annotations

import pytest

from hetmusic.errors import ConfigError
from hetmusic.experiments.ablation import full_settings, variants
from hetmusic.experiments.comparison import Protocol, compare
from hetmusic.experiments.components import removals
from hetmusic.experiments.models import make_model
from hetmusic.experiments.problems import SplitChoice
from tests.experiments.toys import Counting
from tests.graphs import make_graph

NOT_HERE, NOT_USED = "not in this graph", "not used by this configuration"


def remove(graph, settings, *components):
    config = make_model("mmgnn", settings).settings
    return {found.component: found for found in removals(graph, config, components)}


def without(graph, settings, component):
    """The configuration without a component."""
    found = remove(graph, settings, component)[component]
    assert found.reason is None
    return make_model("mmgnn", found.apply(settings)).settings


def in_use(config):
    return {name for name, relation in config.relations.items() if relation.use}


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """Nothing but listens."""
    return make_graph(tmp_path_factory.mktemp("bare") / "graph", [(u, a) for u in range(6) for a in range(5)])


@pytest.fixture(scope="module")
def emotional(tmp_path_factory):
    folder = tmp_path_factory.mktemp("emotional") / "graph"
    return make_graph(folder, [(0, 0), (1, 1)], tags=[(0, 1, "emotion", 0)], friends=[(0, 1)])


def test_social(graph):
    full = {"model": {"social_tower": True}}
    config = without(graph, full, "social")
    assert config.model.social_tower is False
    assert make_model("mmgnn", full).settings.relations["friends"].use
    assert in_use(config) == in_use(make_model("mmgnn", full).settings) - {"friends"}
    # a gate on friends in the other towers is social, too
    assert "friends" not in in_use(without(graph, {}, "social"))


def test_social_of_the_paper(graph):
    config = without(graph, {"preset": "paper"}, "social")
    assert (config.model.social_tower, in_use(config)) == (False, {"likes", "liked_by"})


def test_kg(graph):
    config = without(graph, {}, "kg")
    left = in_use(make_model("mmgnn", {}).settings) - in_use(config)
    assert left == {"genre_of"}  # all that this graph has of it
    assert {"liked_by", "friends"} <= in_use(config)


def test_kg_has_both_directions(graph):
    full = {"relations": {"has_genre": {"encoder": "mean"}}}
    assert not {"genre_of", "has_genre"} & in_use(without(graph, full, "kg"))


def test_emotion(emotional):
    full = {"model": {"emotion": True}}
    config = without(emotional, full, "emotion")
    assert (config.model.emotion, "evoked_by" in in_use(config)) == (False, False)
    assert remove(emotional, {"relations": {"evoked_by": {"use": False}}}, "emotion")["emotion"].reason == (
        NOT_USED
    )


def test_mutual(graph):
    assert without(graph, {"training": {"mutual_weight": 0.5}}, "mutual").training.mutual_weight == 0
    assert remove(graph, {"training": {"mutual_weight": 0}}, "mutual")["mutual"].reason == NOT_USED


def test_modalities(graph):
    found = remove(graph, {}, "each-modality", "text")
    assert list(found) == ["audio", "text"]
    assert without(graph, {}, "audio").model.modalities == ["text"]
    full = {"model": {"modalities": ["audio"], "id_tower": False}}
    reasons = {name: each.reason for name, each in remove(graph, full, "each-modality").items()}
    assert reasons == {"audio": "without it no tower could score an item", "text": NOT_USED}


def test_relations_of_a_removed_tower_go_as_well(graph):
    full = {"model": {"tower_relations": {"audio": "interactions", "others": "all"}}}
    assert without(graph, full, "audio").model.tower_relations == {"others": "all"}
    assert full["model"]["tower_relations"] == {"audio": "interactions", "others": "all"}
    assert without(graph, full, "kg").model.tower_relations == full["model"]["tower_relations"]


@pytest.mark.parametrize("component", ["social", "kg", "emotion", "each-modality"])
def test_what_the_graph_lacks(bare, component):
    full = {"model": {"social_tower": "auto", "emotion": "auto"}}
    assert remove(bare, full, component)[component].reason == NOT_HERE


def test_what_the_configuration_does_not_use(graph):
    off = {"relations": {name: {"use": False} for name in ("friends", "genre_of")}}
    found = remove(graph, off, "social", "kg")
    assert {name: each.reason for name, each in found.items()} == {"social": NOT_USED, "kg": NOT_USED}


def test_components_that_do_not_exist(graph):
    with pytest.raises(ConfigError, match=r"no component 'scoial'.*did you mean 'social'"):
        variants(graph, {}, ["scoial"], [])
    with pytest.raises(ConfigError, match=r"no component 'lyrics'.*known: social, .*audio, text"):
        variants(graph, {}, ["lyrics"], [])
    with pytest.raises(ConfigError, match=r"no control 'shufled-kg'.*did you mean 'shuffled-kg'"):
        variants(graph, {}, [], ["shufled-kg"])
    with pytest.raises(ConfigError, match="give --without or --controls"):
        variants(graph, {}, [], [])


def test_rows(graph, bare):
    found = variants(graph, {}, ["social", "each-modality"], ["shuffled-kg", "shuffled-kg"])
    assert [entry.label for entry in found] == [
        "full",
        "without social",
        "without audio",
        "without text",
        "shuffled-kg",
    ]
    assert [entry.control for entry in found] == [None] * 4 + ["shuffled-kg"]
    assert found[0].settings == found[-1].settings
    lacking = variants(bare, {}, [], ["shuffled-friends"])[1]
    assert lacking.reason == "not in this graph: no relation among users"


def test_settings_of_the_full_model(tmp_path):
    file = tmp_path / "own.toml"
    file.write_text('preset = "paper"\n[training]\nlr = 0.5\n')
    assert full_settings("default", None, []) == ({"preset": "default"}, "preset default")
    assert full_settings("default", file, ["training.lr=0.25", "model.dim=8"]) == (
        {"preset": "paper", "training": {"lr": 0.25}, "model": {"dim": 8}},
        "own.toml, --set",
    )
    with pytest.raises(ConfigError, match=r"--set training\.lrr=1: .*did you mean 'lr'"):
        full_settings("default", None, ["training.lrr=1"])
    file.write_text("[training]\nlrr = 0.5\n")
    with pytest.raises(ConfigError, match=r"own\.toml: .*'training\.lrr'"):
        full_settings("default", file, [])


def test_a_small_ablation(graph, tmp_path):
    """The real model, without friends and with shuffled ones, against itself with everything."""
    small = {
        "model": {"dim": 8, "modalities": []},
        "relations": {"friends": {"encoder": "mean"}},
        "training": {"epochs": 1, "threads": 1},
    }
    entries = variants(graph, small, ["social", "mutual"], ["shuffled-friends"])
    protocol = Protocol(SplitChoice.parse("random"), (0,))
    execute = Counting()
    summary = compare(
        graph, entries, protocol, tmp_path / "a", kind="ablation", reference="full", execute=execute
    )
    assert len(execute.ran) == 3
    assert [row["problem"] for row in summary.rows] == [None, None, NOT_USED, None]
    found = [row["metrics"]["ndcg@10"]["mean"] for row in summary.rows if row["metrics"]]
    assert len(set(found)) == 3
    text = (tmp_path / "a" / "results.md").read_text()
    assert "| variant | ndcg@10 |" in text
    assert "- without mutual: not used by this configuration" in text
