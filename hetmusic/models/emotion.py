"""The emotion tower: what songs feel like, what users and their friends like to feel (section 3.3 of the MM-GNN paper)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hetmusic.graph.emotions import ItemEmotions
from hetmusic.graph.types import EdgeType
from hetmusic.models.blocks import LayeredBlocks
from hetmusic.relations import RelationBlock
from hetmusic.relations.kernels import Csr, spmm
from hetmusic.relations.weights import edge_weights


class EmotionEmbedding(nn.Module):
    """x_i = V tanh(W a_i + b) + sum_k p_ik e_k, zero for an item without emotion.

    a_i is the item's valence and arousal, p_ik the share of people who connect it with word k (among those who connect it
    with any), e_k a learned vector a word. Either part is zero where it is not known.

    :param emotions: of the items; kept out of the weights, since the graph holds them.
    :param dim: size of x.
    :param scale: standard deviation of e_k at the start.
    """

    points: Tensor
    known: Tensor

    def __init__(self, emotions: ItemEmotions, dim: int, scale: float) -> None:
        super().__init__()
        self.place = nn.Sequential(nn.Linear(2, dim), nn.Tanh(), nn.Linear(dim, dim, bias=False))
        self.words = nn.Parameter(torch.randn(emotions.num_words, dim) * scale)
        self.register_buffer("points", torch.from_numpy(emotions.points), persistent=False)
        self.register_buffer("known", torch.from_numpy(emotions.known), persistent=False)
        self._register_shares(emotions)

    def forward(self) -> Tensor:
        """Embeddings of all items, shape ``(num_items, dim)``."""
        placed: Tensor = self.place(self.points)
        # words are summed in the precision of their vectors, also under autocast
        out = placed.to(self.words.dtype) * self.known[:, None]
        if len(self.words):
            pattern = Csr(
                self.word_indptr,
                self.word_indices,
                len(self.known),
                len(self.words),
                (self.word_indptr_t, self.word_indices_t, self.word_order),
            )
            out = out + spmm(pattern, self.word_share, self.words)
        return out

    def _register_shares(self, emotions: ItemEmotions) -> None:
        edges, count = emotions.words, len(emotions.known)
        item, word = torch.from_numpy(edges.src.copy()).long(), torch.from_numpy(edges.dst.copy()).long()
        weight = torch.ones(len(item)) if edges.weight is None else torch.from_numpy(edges.weight.copy())
        total = torch.zeros(count).index_add(0, item, weight)
        share = weight / total[item].clamp(min=torch.finfo(torch.float32).tiny)
        # items are the rows: a block whose "destinations" they are
        block = RelationBlock.from_coo(
            EdgeType("emotion", "evoked_by", "item"), word, item, emotions.num_words, count, {"share": share}
        )
        self.word_indptr: Tensor
        self.word_indices: Tensor
        self.word_indptr_t: Tensor
        self.word_indices_t: Tensor
        self.word_order: Tensor
        self.word_share: Tensor
        buffers = {
            "word_indptr": block.csr.indptr,
            "word_indices": block.csr.indices,
            "word_share": block.edge["share"],
        }
        names = ("word_indptr_t", "word_indices_t", "word_order")
        for name, value in {**buffers, **dict(zip(names, block.csr.transposed, strict=True))}.items():
            self.register_buffer(name, value, persistent=False)


class EmotionTower(nn.Module):
    """Emotion-aware embeddings of users and items.

    With y_u the mean of x_i over the items that u plays and that have an emotion (plays counting on a logarithmic scale),
    and c_u the mean of y_v over u's friends v who have one (community emotion):

        z_u = (1 - g) y_u + g c_u,    z_i = x'_i,    g = sigmoid(gamma), learned

    A user without plays has z_u = c_u, one without friends y_u, one without either zero. x' is x with weights of its own if
    ``separate``.

    :param emotions: of the items.
    :param dim: size of the embeddings.
    :param profiles: relations from items to users.
    :param friendships: relations among users; none leaves the community out.
    :param separate: whether items as candidates have weights of their own.
    :param beta: how much the emotion score counts; None learns it.
    :param scale: standard deviation of word vectors at the start.
    :param gate: gamma at the start; -2 lets the community count for 12 %.
    """

    def __init__(
        self,
        emotions: ItemEmotions,
        dim: int,
        profiles: Sequence[EdgeType],
        friendships: Sequence[EdgeType],
        separate: bool,
        beta: float | None,
        scale: float,
        gate: float = -2.0,
    ) -> None:
        super().__init__()
        self.profiles = list(profiles)
        self.friendships = list(friendships)
        self.inputs = EmotionEmbedding(emotions, dim, scale)
        self.outputs = EmotionEmbedding(emotions, dim, scale) if separate else None
        self.gate = nn.Parameter(torch.tensor(gate)) if friendships else None
        start = torch.tensor(0.1 if beta is None else beta)
        self.beta: Tensor
        if beta is None:
            self.beta = nn.Parameter(start)
        else:
            self.register_buffer("beta", start, persistent=False)
        self.present: Tensor
        self.register_buffer("present", torch.from_numpy(emotions.present), persistent=False)

    @property
    def edge_types(self) -> list[EdgeType]:
        """The relations that the tower reads."""
        return [*self.profiles, *self.friendships]

    def encode_items(self, blocks: LayeredBlocks, item_type: str) -> Tensor:
        """z_i of the items that the blocks end at, shape ``(num_items in the blocks, dim)``."""
        nodes = blocks.input_nodes[item_type]
        table: Tensor = (self.inputs if self.outputs is None else self.outputs)()
        return table if nodes is None else table[nodes[: blocks.layers[-1].num_dst[item_type]]]

    def encode_users(self, blocks: LayeredBlocks) -> Tensor:
        """z_u of the users that the blocks end at, shape ``(num_users in the blocks, dim)``.

        :param blocks: with friendships, at least two layers: the friends' plays are in the last but one.
        """
        table: Tensor = self.inputs()
        own, has_own = self._profile(table, blocks, len(blocks.layers) - 1)
        if self.gate is None:
            return own
        theirs, has_theirs = self._profile(table, blocks, len(blocks.layers) - 2)
        total, count = torch.zeros_like(own), torch.zeros_like(has_own)
        for edge_type in self.friendships:
            block = blocks.layers[-1].blocks[edge_type]
            total = total + block.sum(theirs)
            count = count + block.sum(has_theirs)
        community = total / count.clamp(min=1)
        opening = torch.sigmoid(self.gate)
        weight_own, weight_community = (1 - opening) * has_own, opening * (count > 0)
        whole = weight_own + weight_community
        return (weight_own * own + weight_community * community) / torch.where(whole > 0, whole, 1.0)

    def _profile(self, table: Tensor, blocks: LayeredBlocks, depth: int) -> tuple[Tensor, Tensor]:
        """y of the users that a layer ends at, and whether they have one as 0 or 1, shape ``(num_users, 1)``."""
        total = mass = table.new_zeros(())
        for edge_type in self.profiles:
            block = blocks.layers[depth].blocks[edge_type]
            nodes = blocks.input_nodes[edge_type.src]
            ids = slice(None) if nodes is None else nodes[: block.num_src]
            weights = edge_weights(block, "log")
            total = total + block.sum(table[ids], weights)
            mass = mass + block.sum(self.present[ids, None].to(table.dtype), weights)
        return total / torch.where(mass > 0, mass, 1.0), (mass > 0).to(table.dtype)
