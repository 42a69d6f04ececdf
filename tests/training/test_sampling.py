from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hetmusic._dgl import dgl
from hetmusic.graph import EdgeType
from hetmusic.graph.splits import random_split
from hetmusic.graph.view import TrainingView
from hetmusic.models import MMGNN, ModelConfig, RelationConfig
from hetmusic.training.left_out import LeftOutByChance, LeftOutMask
from hetmusic.training.sampling import NeighborSampler, pick_edges
from hetmusic.training.tensors import GraphTensors, graph_schema, subset
from tests.blocks import random_block
from tests.training.worlds import community_graph


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    graph = community_graph(tmp_path_factory.mktemp("graph") / "g")
    return TrainingView(graph, random_split(graph, seed=1))


@pytest.fixture(scope="module")
def tensors(view):
    return GraphTensors.from_view(view)


class TestPickEdges:
    @given(
        st.lists(st.integers(0, 12), min_size=1, max_size=8),
        st.integers(1, 6),
        st.integers(0, 2**32 - 1),
    )
    def test_distinct_edges_of_the_right_node_up_to_fanout(self, degrees, fanout, seed):
        indptr = np.concatenate([[0], np.cumsum(degrees)]).astype(np.int32)
        nodes = np.arange(len(degrees))[::-1].copy()
        counts, edges = pick_edges(indptr, nodes, fanout, np.random.default_rng(seed))
        rows = np.repeat(np.arange(len(nodes)), counts)
        assert len(set(zip(rows, edges, strict=True))) == len(edges)
        assert counts.tolist() == [min(fanout, degrees[node]) for node in nodes]
        assert (edges >= indptr[nodes[rows]]).all()
        assert (edges < indptr[nodes[rows] + 1]).all()

    def test_every_edge_is_equally_likely(self):
        indptr = np.array([0, 10], dtype=np.int32)
        nodes = np.zeros(20_000, dtype=np.int64)
        _, edges = pick_edges(indptr, nodes, 3, np.random.default_rng(0))
        share = np.bincount(edges, minlength=10) / len(nodes)
        # 0.3 each; the standard error is sqrt(.3 · .7 / 20,000) = .0032
        assert np.abs(share - 0.3).max() < 5 * 0.0033

    def test_every_pair_is_equally_likely(self):
        """Uniform over subsets, not only over single edges."""
        indptr = np.array([0, 5], dtype=np.int32)
        nodes = np.zeros(20_000, dtype=np.int64)
        _, edges = pick_edges(indptr, nodes, 2, np.random.default_rng(0))
        pairs = np.sort(edges.reshape(-1, 2), axis=1)
        _, counts = np.unique(pairs[:, 0] * 5 + pairs[:, 1], return_counts=True)
        assert len(counts) == 10
        assert np.abs(counts / len(nodes) - 0.1).max() < 0.011

    def test_minus_one_takes_all(self):
        indptr = np.array([0, 3, 7], dtype=np.int32)
        counts, edges = pick_edges(indptr, np.array([1, 0]), -1, np.random.default_rng(0))
        assert counts.tolist() == [4, 3]
        assert edges.tolist() == [3, 4, 5, 6, 0, 1, 2]


@given(st.integers(0, 30), st.integers(0, 9))
def test_subset_equals_a_block_built_from_the_kept_edges(num_edges, seed):
    block = random_block(6, 5, num_edges, seed)
    keep = torch.rand(num_edges, generator=torch.Generator().manual_seed(seed)) < 0.5
    part = subset(block, keep)
    x = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    weight = block.edge["weight"].double()
    matrix = torch.zeros(5, 6, dtype=torch.float64)
    matrix[block.dst_index[keep], block.src_index[keep]] = weight[keep]
    out = part.sum(x, part.edge["weight"].double())
    assert torch.allclose(out, matrix @ x)
    if part.num_edges:
        (gradient,) = torch.autograd.grad(out.square().sum(), x)
        assert torch.allclose(gradient, 2 * matrix.T @ (matrix @ x))


def net_for(view, tensors, relations=("liked_by", "likes", "genre_of", "friends"), **config):
    torch.manual_seed(0)
    chosen = {name: RelationConfig(encoder="mean") for name in relations}
    return MMGNN(graph_schema(view), ModelConfig(**{"dim": 8, **config}), chosen)


def global_edges(blocks, sampler_graph):
    """(edge type, global source, global destination) of every edge of a layered block."""
    nodes = {ntype: ids.numpy() for ntype, ids in blocks.input_nodes.items()}
    for layer in blocks.layers:
        for edge_type, block in layer.blocks.items():
            src = nodes[edge_type.src][block.src_index.numpy()]
            dst = nodes[edge_type.dst][block.dst_index.numpy()]
            yield edge_type, src, dst
        nodes = {ntype: ids[: layer.num_dst[ntype]] for ntype, ids in nodes.items()}


class TestNeighborSampler:
    def test_taking_all_neighbours_equals_the_whole_graph(self, view, tensors):
        net = net_for(view, tensors)
        sampler = NeighborSampler(tensors, [-1, -1])
        users = np.array([7, 0, 21])
        sampled = sampler.sample({"user": users}, np.random.default_rng(0))
        whole = net.encode_users(tensors.full(2))["ids"][users]
        assert torch.allclose(net.encode_users(sampled)["ids"], whole, atol=1e-6)
        items = np.array([3, 29])
        sampled = sampler.sample({"artist": items}, np.random.default_rng(0))
        assert torch.allclose(
            net.encode_items(sampled)["ids"], net.encode_items(tensors.full(2))["ids"][items], atol=1e-6
        )

    def test_edges_are_edges_of_the_graph(self, tensors):
        sampler = NeighborSampler(tensors, [3, 2])
        blocks = sampler.sample({"user": np.arange(5)}, np.random.default_rng(0))
        for edge_type, src, dst in global_edges(blocks, tensors):
            whole = tensors.blocks[edge_type]
            known = set(zip(whole.src_index.tolist(), whole.dst_index.tolist(), strict=True))
            assert set(zip(src.tolist(), dst.tolist(), strict=True)) <= known

    def test_attributes_belong_to_their_edges(self, view, tensors):
        blocks = NeighborSampler(tensors, [3, 2]).sample({"user": np.arange(5)}, np.random.default_rng(0))
        liked_by = next(t for t in tensors.blocks if t.relation == "liked_by")
        weight = {
            (u, i): w
            for u, i, w in zip(
                view.split.train.src, view.split.train.dst, view.split.train.weight, strict=True
            )
        }
        block = blocks.layers[1].blocks[liked_by]
        middle = blocks.layers[0].num_dst["artist"]
        artists = blocks.input_nodes["artist"][:middle][block.src_index].tolist()
        users = blocks.input_nodes["user"][block.dst_index].tolist()
        expected = [weight[user, artist] for user, artist in zip(users, artists, strict=True)]
        assert block.edge["weight"].tolist() == expected

    def test_dropped_edges_pass_no_message_in_either_direction(self, view, tensors):
        train = view.split.train
        dropped = np.random.default_rng(3).random(len(train)) < 0.5
        gone = set(zip(train.src[dropped].tolist(), train.dst[dropped].tolist(), strict=True))
        seeds = {"user": np.arange(40), "artist": np.arange(30)}
        for blocks in (
            NeighborSampler(tensors, [-1, -1]).sample(seeds, np.random.default_rng(0), LeftOutMask(dropped)),
            tensors.without(LeftOutMask(dropped), 2),
        ):
            if blocks.input_nodes["user"] is None:
                blocks = type(blocks)(
                    {t: torch.arange(n) for t, n in tensors.num_nodes.items()}, blocks.layers
                )
            checked = 0
            for edge_type, src, dst in global_edges(blocks, tensors):
                if edge_type.relation == "likes":
                    pairs = set(zip(src.tolist(), dst.tolist(), strict=True))
                elif edge_type.relation == "liked_by":
                    pairs = set(zip(dst.tolist(), src.tolist(), strict=True))
                else:
                    continue
                checked += len(pairs)
                assert not pairs & gone
            assert checked > 0

    def test_fanout_per_layer_and_relation(self, tensors):
        sampler = NeighborSampler(tensors, [3, 2], {"genre_of": 1, "likes": 0})
        blocks = sampler.sample({"user": np.arange(40), "artist": np.arange(30)}, np.random.default_rng(0))
        for layer, fanout in zip(blocks.layers, [3, 2], strict=True):
            for edge_type, block in layer.blocks.items():
                most = int(block.in_degree.max()) if block.num_dst else 0
                expected = {"genre_of": 1, "likes": 0}.get(edge_type.relation, fanout)
                if edge_type.relation in {"likes", "liked_by", "genre_of", "friends"}:
                    assert most == expected

    def test_degrees_are_those_of_the_whole_graph(self, tensors):
        blocks = NeighborSampler(tensors, [3, 2]).sample({"user": np.arange(5)}, np.random.default_rng(0))
        inputs = blocks.input_nodes
        for edge_type, block in blocks.layers[0].blocks.items():
            whole = tensors.blocks[edge_type]
            assert torch.equal(block.src_degree, whole.src_degree[inputs[edge_type.src]])
            assert torch.equal(block.dst_degree, whole.dst_degree[inputs[edge_type.dst][: block.num_dst]])

    @pytest.mark.parametrize("few", [1, 10**6])
    def test_inputs_are_the_targets_and_then_the_others_ascending(self, monkeypatch, tensors, few):
        """However nodes are told apart: by going through all of the type, or through those that were drawn."""
        monkeypatch.setattr("hetmusic.training.sampling._FEW", few)
        sampler = NeighborSampler(tensors, [4])
        # what is kept from one call to the next must not show
        for users, artists in (([8, 2, 5], [7, 1]), ([3], [2, 9]), ([8, 3], [])):
            seeds = {"user": np.array(users), "artist": np.array(artists, dtype=int)}
            blocks = sampler.sample(seeds, np.random.default_rng(0))
            read = {ntype: set() for ntype in tensors.num_nodes}
            for edge_type, src, _ in global_edges(blocks, tensors):
                read[edge_type.src] |= set(src.tolist())
            for ntype, nodes in blocks.input_nodes.items():
                given = seeds.get(ntype, np.array([], dtype=int)).tolist()
                assert nodes.tolist() == given + sorted(read[ntype] - set(given))

    def test_interactions_that_are_numbered_in_another_order_than_edges(self, view, tensors):
        """Both directions leave out the same pairs, whichever of them the edges' own numbers agree with."""
        ids = {t.relation: ids.tolist() for t, ids in tensors.interaction_ids.items()}
        assert ids["liked_by"] == list(range(len(view.split.train)))
        assert ids["likes"] != ids["liked_by"]
        left_out = LeftOutByChance(0.4, 3)
        gone = left_out.mask(len(view.split.train))
        users, items = view.split.train.src, view.split.train.dst
        every = {ntype: np.arange(count) for ntype, count in tensors.num_nodes.items()}
        blocks = NeighborSampler(tensors, [-1]).sample(every, np.random.default_rng(0), left_out)
        expected = sorted(zip(users[~gone].tolist(), items[~gone].tolist(), strict=True))
        for edge_type, src, dst in global_edges(blocks, tensors):
            if edge_type.relation in ids:
                ends = (src, dst) if edge_type.relation == "likes" else (dst, src)
                assert sorted(zip(*(end.tolist() for end in ends), strict=True)) == expected

    def test_attributes_are_gathered_for_those_who_read_them_alone(self, view, tensors):
        blocks = NeighborSampler(tensors, [3, 2]).sample({"user": np.arange(5)}, np.random.default_rng(0))
        net_for(view, tensors, ["liked_by", "likes", "friends"]).encode_users(blocks)
        sampled = [block for layer in blocks.layers for block in layer.blocks.values()]
        assert any(block.num_edges for block in sampled)
        assert not any(block.edge.read for block in sampled)

    def test_towers_share_what_is_made_of_edges(self, tensors):
        blocks = NeighborSampler(tensors, [3]).sample({"user": np.arange(5)}, np.random.default_rng(0))
        block = next(b for t, b in blocks.layers[0].blocks.items() if t.relation == "liked_by")
        one, two = block.with_layer(1, "text"), block.with_layer(1, "audio")
        assert one.dst_index is two.dst_index
        assert one.mean_weights is two.mean_weights
        assert torch.equal(one.mean_weights, 1 / block.in_degree[block.dst_index])

    def test_same_generator_same_blocks(self, tensors):
        sampler = NeighborSampler(tensors, [3, 2])
        one, two = (sampler.sample({"user": np.arange(9)}, np.random.default_rng(5)) for _ in range(2))
        for a, b in zip(global_edges(one, tensors), global_edges(two, tensors), strict=True):
            assert a[0] == b[0]
            assert a[1].tolist() == b[1].tolist()
            assert a[2].tolist() == b[2].tolist()


class TestGraphTensors:
    def test_blocks_hold_the_edges_of_the_view(self, view, tensors):
        relations = view.relations()
        assert set(tensors.blocks) == set(relations)
        for edge_type, edges in relations.items():
            block = tensors.blocks[edge_type]
            matrix = torch.zeros(block.num_dst, block.num_src)
            weight = torch.ones(len(edges)) if edges.weight is None else torch.tensor(edges.weight)
            matrix[torch.tensor(edges.dst).long(), torch.tensor(edges.src).long()] = weight
            assert torch.allclose(block.sum(torch.eye(block.num_src), block.edge.get("weight")), matrix)

    def test_times_are_days(self, view, tensors):
        likes = tensors.blocks[view.graph.interaction]
        by_pair = dict(
            zip(
                zip(view.split.train.src.tolist(), view.split.train.dst.tolist(), strict=True),
                (view.split.train.time / 86_400).tolist(),
                strict=True,
            )
        )
        pairs = zip(likes.src_index.tolist(), likes.dst_index.tolist(), strict=True)
        days = np.array([by_pair[pair] for pair in pairs])
        assert np.allclose(likes.edge["time"].numpy(), days, atol=1e-2)
        assert np.allclose(likes.edge["age"].numpy(), days.max() - days, atol=1e-4)

    def test_unknown_times_count_as_the_earliest_and_are_marked(self):
        unknown = -(2**63)
        graph = dgl.heterograph({("user", "likes", "song"): ([0, 1, 1, 2], [0, 0, 1, 1])})
        graph.edata["time"] = torch.tensor([864_000, unknown, 86_400, unknown])
        edge = GraphTensors(graph, []).blocks[EdgeType("user", "likes", "song")].edge
        assert edge["time"].tolist() == [10, 1, 1, 1]
        assert edge["age"].tolist() == [0, 9, 9, 9]
        assert edge["time_known"].tolist() == [True, False, True, False]
        graph.edata["time"][[1, 3]] = 0
        assert set(GraphTensors(graph, []).blocks[EdgeType("user", "likes", "song")].edge) == {"time", "age"}

    def test_interaction_numbers_are_positions_in_the_training_part(self, view, tensors):
        train = view.split.train
        for edge_type, ids in tensors.interaction_ids.items():
            block = tensors.blocks[edge_type]
            users, items = block.src_index, block.dst_index
            if edge_type.relation == "liked_by":
                users, items = items, users
            assert users.tolist() == train.src[ids.numpy()].tolist()
            assert items.tolist() == train.dst[ids.numpy()].tolist()
        assert {t.relation for t in tensors.interaction_ids} == {"likes", "liked_by"}

    def test_no_held_out_pair_is_among_the_edges(self, view, tensors):
        held = {*zip(view.split.valid.src.tolist(), view.split.valid.dst.tolist(), strict=True)}
        held |= {*zip(view.split.test.src.tolist(), view.split.test.dst.tolist(), strict=True)}
        likes = tensors.blocks[view.graph.interaction]
        edges = set(zip(likes.src_index.tolist(), likes.dst_index.tolist(), strict=True))
        assert held
        assert not held & edges


class TestLeftOutByChance:
    def test_the_share_and_nothing_but_the_share(self):
        ids = np.arange(200_000)
        found = LeftOutByChance(0.3, 12345).of(ids)
        # the standard error is sqrt(.3 · .7 / 200,000) = .001
        assert abs(found.mean() - 0.3) < 0.005
        # neighbours are independent of each other, and so are steps
        assert abs(np.corrcoef(found[1:], found[:-1])[0, 1]) < 0.01
        other = LeftOutByChance(0.3, 12346).of(ids)
        assert abs(np.corrcoef(found, other)[0, 1]) < 0.01

    def test_the_same_answer_whoever_asks(self):
        left_out = LeftOutByChance(0.5, 7, np.array([9, 3]))
        whole = left_out.mask(1000)
        some = np.array([999, 3, 9, 3, 500])
        assert left_out.of(some).tolist() == whole[some].tolist()
        assert left_out.of(some.astype(np.int32)).tolist() == whole[some].tolist()
        assert whole[[3, 9]].all()

    @pytest.mark.parametrize(("share", "expected"), [(0.0, False), (1.0, True)])
    def test_ends(self, share, expected):
        assert (LeftOutByChance(share, 2**63 - 1).mask(500) == expected).all()

    def test_named_ones_alone(self):
        assert LeftOutByChance(0.0, 1, np.array([5, 2])).mask(8).nonzero()[0].tolist() == [2, 5]
