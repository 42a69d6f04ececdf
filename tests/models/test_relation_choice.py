"""Which relations each tower reads: the switches of the configuration, and their mistakes."""

from __future__ import annotations

import numpy as np
import pytest

from hetmusic.errors import ConfigError
from hetmusic.graph.types import EdgeType, Modality
from hetmusic.models import MMGNN, GraphSchema, ModelConfig, RelationConfig

KNOWN = {
    name: EdgeType(src, name, dst)
    for src, name, dst in (
        ("user", "likes", "song"),
        ("song", "liked_by", "user"),
        ("user", "friends", "user"),
        ("song", "sung_by", "artist"),
        ("artist", "sings", "song"),
        ("tag", "tag_of", "song"),
    )
}
NUM = {"user": 2, "song": 3, "artist": 2, "tag": 2}
AUDIO = Modality(np.ones((3, 2), np.float32), np.ones(3, bool))


def model(used=tuple(KNOWN), **config):
    schema = GraphSchema(NUM, tuple(KNOWN.values()), "user", "song", {"audio": AUDIO, "text": AUDIO})
    return MMGNN(schema, ModelConfig(**{"dim": 2, **config}), {name: RelationConfig() for name in used})


def read(net):
    """Relations by tower."""
    return {
        name: {t.relation for conv in tower.layers for t in conv.edge_types}
        for name, tower in net.towers.items()
    }


def test_all_relations_that_have_an_encoder():
    everything = set(KNOWN)
    assert read(model()) == {"ids": everything, "audio": everything, "text": everything}
    assert read(model(used=["likes", "liked_by"]))["audio"] == {"likes", "liked_by"}


def test_interactions_are_the_bipartite_graph():
    net = model(relations="interactions")
    assert set().union(*read(net).values()) == {"likes", "liked_by"}
    assert {t.relation for t in net.edge_types} == {"likes", "liked_by"}
    assert KNOWN["friends"] in net.unused_edge_types


@pytest.mark.parametrize("name", ["sung_by", "sings"])
def test_a_name_stands_for_both_directions(name):
    assert read(model(relations=["likes", name]))["ids"] == {"likes", "liked_by", "sung_by", "sings"}


def test_towers_of_their_own():
    net = model(
        relations="interactions",
        tower_relations={"audio": ["liked_by", "tag_of"], "others": ["liked_by", "friends"]},
    )
    others = {"likes", "liked_by", "friends"}
    assert read(net) == {"ids": others, "audio": {"likes", "liked_by", "tag_of"}, "text": others}
    net = model(relations="interactions", tower_relations={"audio": "all"})
    assert read(net) == {"ids": {"likes", "liked_by"}, "audio": set(KNOWN), "text": {"likes", "liked_by"}}


def test_the_social_tower_keeps_its_friendships():
    assert read(model(relations="interactions", social_tower=True))["social"] == {"friends", "liked_by"}


def test_an_inverse_that_the_ontology_does_not_know():
    own = (EdgeType("song", "hummed_by", "user"), EdgeType("user", "hums", "song"))
    schema = GraphSchema(NUM, own, "user", "song", inverses={"hums": "hummed_by", "hummed_by": "hums"})
    used = {t.relation: RelationConfig() for t in own}
    assert read(MMGNN(schema, ModelConfig(dim=2, relations=["hums"]), used))["ids"] == {"hums", "hummed_by"}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"relations": ["likse"]}, "unknown relation 'likse' (did you mean 'likes'?)"),
        ({"tower_relations": {"audio": ["tag_off"]}}, "unknown relation 'tag_off' (did you mean 'tag_of'?)"),
        (
            {"tower_relations": {"audoi": "all"}},
            "there is no tower 'audoi' (did you mean 'audio'?); known: ids, audio, text, others",
        ),
        (
            {"tower_relations": {"audio": []}},
            "tower audio reads [], but the relations in use are friends, li",
        ),
        ({"relations": ["on_album"]}, "tower ids reads ['on_album'], but the relations in use are"),
        ({"relations": ["tag_of"]}, "needs a relation from other nodes to users"),
        ({"tower_relations": {"audio": ["friends"]}}, "but only friends is used"),
    ],
)
def test_mistakes_that_the_graph_shows(config, message):
    with pytest.raises(ConfigError) as problem:
        model(**config)
    assert message in str(problem.value)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"relations": "interaction"}, "did you mean 'interactions'"),
        ({"relations": "sung_by"}, "for one relation write ['sung_by']"),
        ({"tower_relations": {"audio": "al"}}, "did you mean 'all'"),
    ],
)
def test_mistakes_that_show_at_once(config, message):
    with pytest.raises(ConfigError) as problem:
        ModelConfig(**config)
    assert message in str(problem.value)
