"""Encoders by relation and by tower, with weights shared or apart, as the configuration says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hetmusic.errors import ConfigError
from hetmusic.graph.types import Modality
from hetmusic.models import MMGNN, GraphSchema, ModelConfig, RelationConfig, TowerConfig, full_graph_blocks
from hetmusic.models.explain import explain
from hetmusic.relations import RelationEncoder
from hetmusic.relations.encoders import MeanEncoder, SAGEEncoder
from hetmusic.training.load_config import dump_toml, load_config, make_config, with_settings
from hetmusic.training.tensors import subset
from tests.blocks import FRIENDS, LIKED_BY, TAG_OF
from tests.models.small_graph import BLOCKS, NUM

AUDIO = Modality(np.arange(21, dtype=np.float32).reshape(7, 3), np.ones(7, dtype=bool))
SCHEMA = GraphSchema(NUM, tuple(BLOCKS), "user", "song", {"audio": AUDIO, "cover": AUDIO})


class Scaled(RelationEncoder):
    """One number, learned."""

    def __init__(self, dim: int, start: float = 1.0) -> None:
        super().__init__(dim)
        self.scale = torch.nn.Parameter(torch.tensor(start))

    def forward(self, relation, src, dst):
        return self.scale * relation.sum(src.h)


def model(relations, towers=None, **config):
    chosen = {name: RelationConfig(**values) for name, values in relations.items()}
    own = {name: TowerConfig.model_validate(values) for name, values in (towers or {}).items()}
    return MMGNN(SCHEMA, ModelConfig(**{"dim": 4, **config}), chosen, own)


def encoder(net, tower, depth, edge_type):
    return net.towers[tower].layers[depth].encoders[str(edge_type)]


def places(net, edge_type=LIKED_BY):
    """Which number every (tower, layer)'s encoder has, in order of appearance."""
    found = [encoder(net, tower, depth, edge_type) for tower in net.towers for depth in range(2)]
    distinct = list(dict.fromkeys(map(id, found)))
    return [distinct.index(id(one)) for one in found]


class TestTowers:
    def test_a_tower_has_an_encoder_of_its_own(self):
        net = model(
            {"liked_by": {"encoder": "mean", "weight": "log"}, "tag_of": {}},
            {"audio": {"relations": {"liked_by": {"encoder": "sage", "activation": False}}}},
        )
        own, other = encoder(net, "audio", 0, LIKED_BY), encoder(net, "cover", 0, LIKED_BY)
        assert isinstance(own, SAGEEncoder)
        assert own.activation is False
        assert isinstance(other, MeanEncoder)
        assert other.weight == "log"
        assert isinstance(encoder(net, "audio", 1, TAG_OF), MeanEncoder)

    def test_without_another_encoder_single_arguments_are_changed(self):
        net = model(
            {"liked_by": {"encoder": "lightgcn", "weight": "log", "src_power": 0.25}},
            {"audio": {"relations": {"liked_by": {"weight": "none"}}}},
        )
        own = encoder(net, "audio", 0, LIKED_BY)
        assert (own.weight, own.src_power) == ("none", 0.25)

    def test_a_tower_leaves_a_relation_out_or_reads_one_more(self):
        net = model(
            {"liked_by": {}, "tag_of": {}, "friends": {"use": False}},
            {"audio": {"relations": {"tag_of": {"use": False}, "friends": {"use": True}}}},
        )
        assert net.towers["audio"].layers[0].edge_types == [LIKED_BY, FRIENDS]
        assert net.towers["cover"].layers[0].edge_types == [LIKED_BY, TAG_OF]
        assert set(net.edge_types) == {LIKED_BY, TAG_OF, FRIENDS}

    def test_the_social_tower_can_be_named(self):
        net = model(
            {"liked_by": {}, "friends": {}},
            {"social": {"relations": {"friends": {"encoder": "gated"}}}},
            social_tower=True,
        )
        assert type(encoder(net, "social", 0, FRIENDS)).__name__ == "GatedEncoder"
        assert type(encoder(net, "ids", 0, FRIENDS)).__name__ == "MeanEncoder"

    def test_combination_by_tower(self):
        net = model(
            {"liked_by": {}, "friends": {}},
            {"audio": {"combine": "attention", "combine_arguments": {"hidden": 3}}},
            combine="mean",
        )
        assert net.towers["audio"].layers[0].combiners["user"].score[0].out_features == 3
        assert type(net.towers["ids"].layers[0].combiners["user"]).__name__ == "MeanCombiner"

    @pytest.mark.parametrize(
        ("towers", "message"),
        [
            ({"audoi": {}}, "towers.audoi: there is no tower 'audoi' (did you mean 'audio'?)"),
            ({"audio": {"relations": {"liked": {}}}}, "unknown relation 'liked' (did you mean 'likes'?)"),
            (
                {"audio": {"relations": {"liked_by": {"encoder": "maen"}}}},
                "towers.audio.relations.liked_by: no relation encoder is called 'maen'",
            ),
            ({"audio": {"relations": {"liked_by": {"use": False}}}}, "tower audio reads 'all', but"),
        ],
    )
    def test_mistakes(self, towers, message):
        with pytest.raises(ConfigError) as problem:
            model({"liked_by": {}}, towers)
        assert message in str(problem.value)


class FirstLayerAlone(RelationEncoder):
    """Fails where it is told to be somewhere else."""

    def __init__(self, dim: int, tower: str = "audio") -> None:
        super().__init__(dim)
        self.tower = tower

    def forward(self, relation, src, dst):
        if (relation.tower, relation.layer) == (self.tower, 2):
            return src.h
        return relation.sum(src.h)


class TestPlaces:
    def test_an_error_names_tower_and_layer_as_the_explanation_counts_them(self):
        net = model({"liked_by": {"encoder": FirstLayerAlone, "tower": "cover"}})
        with pytest.raises(ConfigError) as problem:
            net(full_graph_blocks(BLOCKS, NUM, 2))
        assert f"FirstLayerAlone of {LIKED_BY} (tower cover, layer 2) returned (7, 4)" in str(problem.value)
        layers = [place.layer for place in explain(net).places if place.tower == "cover"]
        assert layers == [1, 2]

    def test_copies_of_a_block_know_their_place(self):
        block = BLOCKS[LIKED_BY].with_layer(2, "audio")
        for copy in (block.to(torch.device("cpu")), subset(block, torch.ones(12, dtype=torch.bool))):
            assert (copy.layer, copy.tower) == (2, "audio")
        assert BLOCKS[LIKED_BY].place == f"{LIKED_BY} (layer 1)"


class TestSharing:
    @pytest.mark.parametrize(
        ("share", "expected"),
        [
            ("none", [0, 1, 2, 3, 4, 5]),
            ("layers", [0, 0, 1, 1, 2, 2]),
            ("towers", [0, 1, 0, 1, 0, 1]),
            ("all", [0] * 6),
        ],
    )
    def test_what_shares_an_encoder(self, share, expected):
        net = model({"liked_by": {"encoder": Scaled, "share": share}})
        assert places(net) == expected
        assert sum(p.numel() for n, p in net.named_parameters() if "scale" in n) == len(set(expected))

    def test_only_equal_encoders_are_shared_over_towers(self):
        net = model(
            {"liked_by": {"encoder": Scaled, "share": "all"}},
            {"audio": {"relations": {"liked_by": {"start": 2.0}}}},
        )
        assert places(net) == [0, 0, 1, 1, 0, 0]

    def test_relations_never_share(self):
        net = model(
            {"liked_by": {"encoder": Scaled, "share": "all"}, "friends": {"encoder": Scaled, "share": "all"}}
        )
        assert encoder(net, "ids", 0, LIKED_BY) is not encoder(net, "ids", 0, FRIENDS)

    def test_gradients_of_all_places_arrive_in_what_is_shared(self):
        shared = model({"liked_by": {"encoder": Scaled, "share": "all"}}, modalities=[])
        apart = model({"liked_by": {"encoder": Scaled}}, modalities=[])
        apart.load_state_dict(shared.state_dict())
        for net in (shared, apart):
            net(full_graph_blocks(BLOCKS, NUM, 2)).users.square().sum().backward()
        grads = [p.grad for n, p in apart.named_parameters() if "scale" in n and p.grad is not None]
        (together,) = [p.grad for n, p in shared.named_parameters() if "scale" in n]
        assert torch.allclose(together, torch.stack(grads).sum())


class TestSpecs:
    def test_a_class_and_an_instance_are_what_their_path_is(self):
        ready = Scaled(4, start=2.0)
        for chosen in (
            RelationConfig(encoder=Scaled, start=2.0),
            RelationConfig(encoder=f"{__name__}:Scaled", start=2.0),
            RelationConfig(encoder=ready),
        ):
            net = MMGNN(SCHEMA, ModelConfig(dim=4), {"liked_by": chosen})
            made = encoder(net, "audio", 1, LIKED_BY)
            assert isinstance(made, Scaled)
            assert made is not ready
            assert made.scale.item() == 2.0
            written = chosen.model_dump(mode="json", exclude_none=True)
            assert written == {"encoder": f"{__name__}:Scaled", "use": True, "share": "none", "start": 2.0}

    def test_an_instance_of_another_size(self):
        with pytest.raises(
            ConfigError, match=r"relations.liked_by: .*Scaled has dim = 3, but model.dim is 4"
        ):
            MMGNN(SCHEMA, ModelConfig(dim=4), {"liked_by": RelationConfig(encoder=Scaled(3))})

    def test_a_configuration_goes_through_toml(self, tmp_path):
        config = load_config(overrides=["model.dim=4"])
        config.relations["liked_by"] = RelationConfig(encoder=Scaled(4, start=2.0), share="all")
        config.towers["audio"] = TowerConfig.model_validate(
            {"relations": {"liked_by": {"encoder": MeanEncoder}}}
        )
        (tmp_path / "c.toml").write_text(dump_toml(config))
        again = load_config(file=tmp_path / "c.toml")
        assert dump_toml(again) == dump_toml(config)
        assert again.relations["liked_by"].arguments == {"start": 2.0}
        assert (
            again.towers["audio"].relations["liked_by"].encoder
            == "hetmusic.relations.encoders.mean:MeanEncoder"
        )

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({"relations": {"x": {"encoder": 3}}}, "relations.x.encoder = 3: a plug-in is a registered name"),
            ({"relations": {"x": {"encoder": ""}}}, "a plug-in is a registered name, an import path"),
            (
                {"relations": {"x": {"act": torch.relu}}},
                "act of encoder mean is a builtin_function_or_method, which a configuration",
            ),
            ({"relations": {"x": {"share": "tower"}}}, "relations.x.share = 'tower'"),
            (
                {"towers": {"audio": {"relations": {"x": {"fanout": 3}}}}},
                "fanout belongs into [relations.NAME]",
            ),
            (
                {"towers": {"audio": {"combin": "sum"}}},
                "unknown key 'towers.audio.combin' (did you mean 'combine'?)",
            ),
            ({"model": {"combine_arguments": {"a": torch.relu}}}, "which a configuration file cannot hold"),
        ],
    )
    def test_mistakes(self, values, message):
        with pytest.raises(ConfigError) as problem:
            make_config(values)
        assert message in str(problem.value)


WITH_ARGUMENTS = """
[model]
combine = "attention"
combine_arguments = {hidden = 3}

[relations.liked_by]
encoder = "mean"
weight = "log"
share = "all"

[training]
loss = "a:B"
loss_arguments = {x = 1}
reconstruction = 0.0

[towers.audio]
combine = "attention"
combine_arguments = {hidden = 5}

[towers.audio.relations.liked_by]
encoder = "gat"
heads = 2
"""


class TestOverlays:
    def test_another_plugin_drops_the_arguments_of_the_old_one(self, tmp_path):
        file = tmp_path / "c.toml"
        file.write_text(WITH_ARGUMENTS)
        kept = load_config(file=file)
        assert kept.model.combine_arguments == {"hidden": 3}
        assert kept.relations["liked_by"].arguments == {"weight": "log"}
        assert kept.training.loss_arguments == {"x": 1}
        assert kept.towers["audio"].combine_arguments == {"hidden": 5}
        assert kept.towers["audio"].relations["liked_by"].arguments == {"heads": 2}
        changes = ["model.combine=mean", "training.loss=bpr", "towers.audio.combine=mean"]
        changes += ["relations.liked_by.encoder=gat", "towers.audio.relations.liked_by.encoder=sum"]
        changed = load_config(file=file, overrides=changes)
        assert changed.model.combine_arguments == {}
        assert changed.training.loss_arguments == {}
        assert changed.relations["liked_by"].arguments == {}
        assert changed.relations["liked_by"].share == "all"
        assert changed.towers["audio"].combine_arguments == {}
        assert changed.towers["audio"].relations["liked_by"].arguments == {}

    def test_single_arguments_are_added(self, tmp_path):
        file = tmp_path / "c.toml"
        file.write_text(WITH_ARGUMENTS)
        changed = load_config(file=file, overrides=["towers.audio.relations.liked_by.negative_slope=0.1"])
        assert changed.towers["audio"].relations["liked_by"].arguments == {"heads": 2, "negative_slope": 0.1}

    def test_settings_from_python(self):
        config = with_settings(
            "default", {"relations": {"liked_by": {"encoder": Scaled, "start": 3.0}}}, "test"
        )
        assert config.relations["liked_by"].encoder is Scaled
        assert config.relations["liked_by"].arguments == {"start": 3.0}
