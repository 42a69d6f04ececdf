"""What a configuration says wrongly about plug-ins: found before anything runs."""

from __future__ import annotations

import pytest

from hetmusic.errors import ConfigError
from hetmusic.fitting import fit
from hetmusic.training.plugins import check_plugins
from tests.training.plugins import Scaled, config


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "relations.liked_by.heads=2",
            "relations.liked_by: relation encoder MeanEncoder has no argument 'heads'",
        ),
        ("relations.liked_by.weigth=log", "(did you mean 'weight'?)"),
        (
            "relations.liked_by.encodr=gat",
            "relations.liked_by: unknown key 'encodr' (did you mean 'encoder'?)",
        ),
        (
            f"relations.liked_by.encoder={__name__}:Shadowed",
            "relation encoder Shadowed has an argument 'share', which is a key of the relation's own table",
        ),
        (
            "relations.likedby.rate=3",
            "relations.likedby: unknown relation 'likedby' (did you mean 'liked_by'?)",
        ),
        (
            "towers.ids.relations.likedby.rate=3",
            "towers.ids.relations.likedby: unknown relation 'likedby' (did you mean 'liked_by'?)",
        ),
        (
            "relations.liked_by.dim=3",
            "relations.liked_by: relation encoder MeanEncoder: 'dim' is given by hetmusic",
        ),
        ("model.combine=smu", "model.combine: no combiner is called 'smu' (did you mean 'sum'?)"),
        ("model.combine_arguments.hidden=2", "model.combine: combiner SumCombiner has no argument 'hidden'"),
        ("model.head=lat", "model.head: no head is called 'lat' (did you mean 'late'?)"),
        ("training.loss=bprr", "training.loss: no loss is called 'bprr' (did you mean 'bpr'?)"),
        (
            "training.sampler=neighbour",
            "training.sampler: no sampler is called 'neighbour' (did you mean 'neighbor'?)",
        ),
        (
            "towers.ids.relations.liked_by.encoder=lightgc",
            "towers.ids.relations.liked_by: no relation encoder is called 'lightgc' (did you mean 'lightgcn'?)",
        ),
        ("towers.ids.combine=maxx", "towers.ids.combine: no combiner is called 'maxx' (did you mean 'max'?)"),
    ],
)
def test_mistakes_are_found_before_anything_runs(override, message):
    with pytest.raises(ConfigError) as problem:
        check_plugins(config(override))
    assert message in str(problem.value)


class Shadowed(Scaled):
    def __init__(self, dim, share=True):
        super().__init__(dim)


class TestTablesInPython:
    """What is put into a configuration unchecked."""

    @pytest.mark.parametrize("given", [Scaled, Scaled(8), "mean", {"encoder": "mean"}])
    def test_no_table_of_a_relation(self, graph, given, tmp_path):
        chosen = config()
        chosen.relations["liked_by"] = given
        with pytest.raises(ConfigError) as problem:
            fit(graph, chosen, tmp_path / "run")
        assert str(problem.value).startswith("relations.liked_by is ")
        assert "write config.relations['liked_by'] = RelationConfig(encoder=...)" in str(problem.value)

    def test_no_table_of_a_tower(self):
        chosen = config()
        chosen.towers["ids"] = {"relations": {}}
        with pytest.raises(
            ConfigError, match=r"towers.ids is a dict: write config.towers\['ids'\] = TowerConfig\("
        ):
            check_plugins(chosen)

    @pytest.mark.parametrize(
        ("override", "message"),
        [
            (
                "relations.liked_by=gat",
                "relations.liked_by = 'gat': a relation is a table of settings, .* encoder = gat",
            ),
            ("liked_by.encoder=gat", r"unknown key 'liked_by' \(did you mean 'relations.liked_by'\?\)"),
        ],
    )
    def test_keys_of_another_shape(self, override, message):
        with pytest.raises(ConfigError, match=message):
            config(override)

    def test_a_relation_called_by_its_ends(self):
        chosen = config("relations.song__liked_by__user.rate=3")
        with pytest.raises(
            ConfigError, match=r"unknown relation 'song__liked_by__user' \(did you mean 'liked_by'\?\)"
        ):
            check_plugins(chosen)

    def test_fit_takes_a_graph_and_a_configuration(self, graph, tmp_path):
        for given in ((tmp_path, config()), (graph, {})):
            with pytest.raises(
                TypeError, match=r"fit takes a MusicGraph \(MusicGraph.open\(folder\)\) and a FitConfig"
            ):
                fit(*given, tmp_path / "run")
