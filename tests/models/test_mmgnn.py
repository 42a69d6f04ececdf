"""MM-GNN as a whole: what it is made of, on which device, and which embeddings are dropped."""

from __future__ import annotations

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from hetmusic.errors import ConfigError
from hetmusic.models import MMGNN, LayeredBlocks, ModelConfig, RelationConfig, full_graph_blocks
from hetmusic.relations import RelationBlock
from tests.blocks import FRIENDS, LIKED_BY, LIKES, TAG_OF, fake_cuda, needs_cuda_build
from tests.models.small_graph import AUDIO, BLOCKS, NUM, mean_matrix, model, schema, whole


class TestStructure:
    def test_a_tower_for_ids_and_each_modality(self):
        net = model(modalities={"audio": AUDIO, "text": AUDIO})
        assert list(net.towers) == ["ids", "audio", "text"]
        assert net(whole()).users.shape == (5, 12)

    def test_social_tower_of_the_paper_encodes_users_only(self):
        net = model(["liked_by", "likes", "friends"], head="paper", social_tower=True, inductive_users=False)
        social = net.towers["social"]
        expected = social.inputs["user"].table
        friends = mean_matrix(BLOCKS[FRIENDS])
        expected = expected + friends @ expected / 2 + friends @ (friends @ expected) / 3
        assert torch.allclose(net.encode_users(whole())["social"], expected, atol=1e-6)
        assert "social" not in net.encode_items(whole())

    def test_social_tower_of_the_late_head_scores(self):
        net = model(["liked_by", "friends"], social_tower=True)
        assert net.item_towers == ["ids", "social"]
        assert net(whole()).items.shape == (7, 8)

    def test_unused_relations_are_known(self):
        assert model(["liked_by"]).unused_edge_types == [LIKES, TAG_OF, FRIENDS]

    def test_same_seed_same_weights(self):
        one, two = model(modalities={"audio": AUDIO}), model(modalities={"audio": AUDIO})
        assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"relations": ["liked_bye"]}, "unknown relation 'liked_bye' (did you mean 'liked_by'?)"),
            ({"relations": ["sung_by"]}, "none of the relations sung_by is in the graph"),
            (
                {"modalities": {"audio": AUDIO}, "names": ["audoi"]},
                "no modality 'audoi' for song (did you mean 'audio'?)",
            ),
            ({"relations": ["likes"]}, "needs a relation from other nodes to users"),
            ({"relations": ["friends"]}, "needs a relation from other nodes to users"),
            ({"social_tower": True}, "no user-user relation"),
            ({"id_tower": False, "names": "all"}, "no tower is left"),
            ({"modalities": {"ids": AUDIO}}, "may not be called 'ids'"),
            ({"encoder": "gat", "dim": 6}, "cannot split dim 6 into 4 heads"),
        ],
    )
    def test_mistakes(self, arguments, message):
        names = arguments.pop("names", None)
        relations = arguments.pop("relations", ["liked_by"])
        available = arguments.pop("modalities", {})
        encoder = arguments.pop("encoder", "mean")
        config = {"dim": 4, **arguments, **({"modalities": names} if names else {})}
        with pytest.raises(ConfigError) as problem:
            MMGNN(
                schema(**available),
                ModelConfig(**config),
                {name: RelationConfig(encoder=encoder) for name in relations},
            )
        assert message in str(problem.value)


class TestDevices:
    """Without a GPU: forward on fake CUDA tensors, and a mix of devices is caught."""

    def fake_model(self, mode):
        with mode, torch.device("cuda"):
            return model(["liked_by", "tag_of", "friends"], encoder="gated")

    @needs_cuda_build
    def test_forward_on_fake_cuda(self):
        mode = FakeTensorMode(allow_non_fake_inputs=True)
        net = self.fake_model(mode)
        blocks = full_graph_blocks({t: fake_cuda(b, mode) for t, b in BLOCKS.items()}, NUM, 2)
        with mode:
            view = net(blocks)
        assert view.users.device.type == view.items.device.type == "cuda"

    @needs_cuda_build
    def test_blocks_left_on_the_cpu_are_caught(self):
        mode = FakeTensorMode(allow_non_fake_inputs=True)
        net = self.fake_model(mode)
        with mode, pytest.raises(RuntimeError, match=r"[Dd]evice"):
            net(whole())

    def test_blocks_move_whole(self):
        moved = whole().to(torch.device("meta"))
        assert isinstance(moved, LayeredBlocks)
        block = moved.layers[0].blocks[LIKED_BY]
        assert isinstance(block, RelationBlock)
        tensors = [block.csr.indptr, *block.csr.transposed, *block.edge.values(), block.src_degree]
        assert {tensor.device.type for tensor in tensors} == {"meta"}
        assert moved.layers[0].blocks[LIKED_BY] is moved.layers[1].blocks[LIKED_BY] or (
            moved.layers[0].blocks[LIKED_BY].csr is moved.layers[1].blocks[LIKED_BY].csr
        )


class TestIdDropout:
    def test_dropped_items_are_scored_by_content_alone(self):
        net = model(["liked_by", "tag_of"], {"audio": AUDIO}, id_dropout=0.5).train()
        torch.manual_seed(3)
        net.draw_dropout()
        dropped = net.dropped_ids
        assert dropped is not None
        assert 0 < dropped.sum() < 7
        items, plain = net.encode_items(whole()), net.eval().encode_items(whole())
        table = net.towers["audio"].outputs["song"]
        difference = plain["audio"] - items["audio"]
        assert torch.allclose(difference, table.ids.table * dropped[:, None], atol=1e-6)
        difference = plain["ids"] - items["ids"]
        assert torch.allclose(
            difference, net.towers["ids"].outputs["song"].table * dropped[:, None], atol=1e-6
        )

    def test_users_profiles_keep_them(self):
        net = model(["liked_by"], {"audio": AUDIO}, id_dropout=0.9).train()
        net.draw_dropout()
        users, plain = net.encode_users(whole()), net.eval().encode_users(whole())
        assert all(torch.equal(users[name], plain[name]) for name in plain)

    def test_a_tower_without_content_is_absent_for_them_unless_neighbours_speak(self):
        net = model(["liked_by", "tag_of"], id_dropout=0.5).train()
        torch.manual_seed(3)
        net.draw_dropout()
        tagged = mean_matrix(BLOCKS[TAG_OF]).sum(dim=1) > 0
        net.item_towers.append("copy")  # a single tower has no view of its own
        net.head.towers.append("copy")
        net.head.weights = torch.nn.Parameter(torch.zeros(2))
        net.towers["copy"] = net.towers["ids"]
        views = net.score_views(net.encode_users(whole()), net.encode_items(whole()), None)
        assert views[1].present.tolist() == (~net.dropped_ids | tagged).tolist()
        assert (net.dropped_ids & ~tagged).any()
        assert (
            net.eval().score_views(net.encode_users(whole()), net.encode_items(whole()), None)[1].present
            is None
        )

    def test_how_often(self):
        net = model(id_dropout=0.3).train()
        drawn = []
        for _ in range(400):
            net.draw_dropout()
            drawn.append(net.dropped_ids.float().mean())
        assert abs(torch.stack(drawn).mean() - 0.3) < 0.04
