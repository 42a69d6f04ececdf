"""The social rival: convolution over hypergraphs of users who are friends, listen alike, or both."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from hetmusic.errors import ConfigError, UnknownKeyError
from hetmusic.graph.types import EdgeType
from hetmusic.relations import RelationBlock
from hetmusic.relations.encoders import LightGCNEncoder
from hetmusic.rivals.base import Problem, recommenders
from hetmusic.rivals.bipartite import Bipartite, BipartiteConv
from hetmusic.rivals.motifs import joint_motifs, purchase_motifs, social_motifs
from hetmusic.rivals.pairwise import Embeddings, PairwiseModel, PairwiseRecommender, PairwiseSettings

COMPANION = EdgeType("user", "companion", "user")


class MHCNSettings(PairwiseSettings):
    """Settings of :class:`MHCN`."""

    lr: float = Field(0.002, gt=0)
    """Learning rate of Adam."""

    l2: float = Field(0.01, ge=0)
    """Half of it multiplies the squared length of the layer-0 embeddings of a pair and its negative."""

    layers: int = Field(2, ge=1, le=8)
    """Number of layers of every channel."""

    ssl_weight: float = Field(0.01, ge=0)
    """Weight of the self-supervised loss, a mean over users, beside the ranking loss, a mean over pairs."""

    min_common: int = Field(2, ge=1)
    """Items that two users must have in common to meet in the channel of those who listen alike."""

    relation: str = "friends"
    """The relation between users that is read."""


class Gate(nn.Module):
    """x * sigmoid(W x + b)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(dim, dim)
        nn.init.xavier_uniform_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102
        out: Tensor = x * torch.sigmoid(self.linear(x))
        return out


class ChannelAttention(nn.Module):
    """Per user, sum over channels of softmax_c(a · W x_c) x_c."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.project = nn.Linear(dim, dim, bias=False)
        self.query = nn.Parameter(torch.empty(1, dim))
        nn.init.xavier_uniform_(self.project.weight)
        nn.init.xavier_uniform_(self.query)

    def forward(self, channels: Tensor) -> Tensor:
        """Combine channels, shape ``(num_channels, num_users, dim)``, into ``(num_users, dim)``."""
        weights = torch.softmax((self.project(channels) * self.query).sum(dim=2), dim=0)
        return (weights[:, :, None] * channels).sum(dim=0)


class MHCNModel(PairwiseModel):
    """Channels of users over motifs, and users and items over interactions, layer by layer.

    p_c^(0) = gate_c(P), p_c^(l+1) = row-normalised H_c p_c^(l); r^(0) = gate_r(P), r^(l+1) = R q^(l);
    q^(l+1) = R' (attention(p_1 ... p_C) + r / 2)^(l); R normalised by degrees. Layers after layer 0 are brought to unit
    length before all are added; users are attention over channels + r / 2, as in the authors' code.
    """

    def __init__(
        self, problem: Problem, graph: Bipartite, channels: list[RelationBlock], settings: MHCNSettings
    ) -> None:
        super().__init__(problem, settings.dim)
        self.layers, self.ssl_weight = settings.layers, settings.ssl_weight
        self.channels = channels
        # the row-normalised weights of a channel are its edges' attribute
        self.gates = nn.ModuleList(Gate(settings.dim) for _ in channels)
        self.simple_gate = Gate(settings.dim)
        self.ssl_gates = nn.ModuleList(Gate(settings.dim) for _ in channels)
        self.attention = ChannelAttention(settings.dim)
        self.conv = BipartiteConv(graph, LightGCNEncoder(settings.dim))

    def embeddings(self) -> Embeddings:  # noqa: D102
        hidden = torch.stack([gate(self.user_table) for gate in self.gates])
        simple: Tensor = self.simple_gate(self.user_table)
        items: Tensor = self.item_table
        hidden_sum, simple_sum, item_sum = hidden, simple, items
        for _ in range(self.layers):
            mixed = self.attention(hidden) + simple / 2
            hidden = torch.stack([_through(c, h) for c, h in zip(self.channels, hidden, strict=True)])
            simple, items = self.conv(mixed, items)
            hidden_sum = hidden_sum + functional.normalize(hidden, dim=2)
            simple_sum = simple_sum + functional.normalize(simple)
            item_sum = item_sum + functional.normalize(items)
        users = self.attention(hidden_sum) + simple_sum / 2
        auxiliary = (
            self.ssl_weight * self._self_supervision(users) if self.training and self.ssl_weight else None
        )
        return Embeddings(users, item_sum, auxiliary=auxiliary)

    def _self_supervision(self, users: Tensor) -> Tensor:
        losses = [
            mutual_information_loss(gate(users), _through(channel, gate(users)))
            for gate, channel in zip(self.ssl_gates, self.channels, strict=True)
        ]
        return torch.stack(losses).sum()


def mutual_information_loss(users: Tensor, groups: Tensor) -> Tensor:
    """Users agree with their own sub-hypergraph more than with that of others, and that with the whole more than noise does.

    With z the sub-hypergraphs, h their mean, z' their rows shuffled and z'' rows and columns shuffled:
    mean over users of -log sigmoid(p · z - p · z') - log sigmoid(p · z' - p · z'') - log sigmoid(z · h - z'' · h).

    :param users: p, shape ``(num_users, dim)``.
    :param groups: z, the users' embeddings averaged over their hyperedges, of the same shape.
    """
    rows, columns = torch.randperm(len(groups)), torch.randperm(groups.shape[1])
    shuffled = groups[rows.to(groups.device)]
    noise = groups[:, columns.to(groups.device)][torch.randperm(len(groups)).to(groups.device)]
    own, other, least = ((users * z).sum(dim=1) for z in (groups, shuffled, noise))
    whole = groups.mean(dim=0)
    local = functional.softplus(other - own) + functional.softplus(least - other)
    return (local + functional.softplus(noise @ whole - groups @ whole)).mean()


def _through(channel: RelationBlock, h: Tensor) -> Tensor:
    return channel.sum(h, channel.edge["weight"])


def motif_channel(motifs: sp.csr_matrix, device: torch.device) -> RelationBlock:
    """A block of users over users whose weights sum to one for every user that has any."""
    pairs = motifs.tocoo()
    totals = np.asarray(motifs.sum(axis=1), dtype=np.float64).ravel()
    weights = torch.from_numpy((pairs.data / totals[pairs.row]).astype(np.float32))
    src, dst = (torch.from_numpy(ends).long() for ends in (pairs.col, pairs.row))
    num_users = motifs.shape[0]
    return RelationBlock.from_coo(COMPANION, src, dst, num_users, num_users, {"weight": weights}).to(device)


@recommenders.register("mhcn")
class MHCN(PairwiseRecommender):
    """Multi-channel hypergraph convolution (Yu et al. 2021, sections 3.2 and 3.3, table 2).

    The channels are friends (motifs M1 to M7), friends who have items in common (M8, M9) and others who have (M10).
    """

    Settings = MHCNSettings

    def build(self, problem: Problem, device: torch.device) -> MHCNModel:  # noqa: D102
        settings: MHCNSettings = self.settings
        social = friendships(problem, settings.relation)
        likes = problem.train.astype(np.float64)
        joint = joint_motifs(social, likes)
        motifs = [social_motifs(social), joint, purchase_motifs(joint, likes, settings.min_common)]
        channels = [motif_channel(matrix, device) for matrix in motifs]
        return MHCNModel(problem, Bipartite.of(problem, device), channels, settings)


def friendships(problem: Problem, relation: str) -> sp.csr_matrix:
    """A relation between users as a binary matrix, float64 ``(num_users, num_users)``.

    :raises ConfigError: if the graph has no such relation, or one without edges, or not between users.
    """
    graph = problem.graph
    try:
        edge_type, _ = graph.resolve(relation)
    except UnknownKeyError as problem_:
        raise ConfigError(f"model mhcn needs a relation between users: {problem_}") from None
    if (edge_type.src, edge_type.dst) != (graph.user_type, graph.user_type):
        raise ConfigError(f"model mhcn: relation = {relation!r} is {' '.join(edge_type)}, not between users")
    edges = problem.view.edges(relation)
    if not len(edges):
        raise ConfigError(f"model mhcn: {' '.join(edge_type)} of graph {graph.name} has no edges")
    ones = np.ones(len(edges))
    matrix = sp.csr_matrix((ones, (edges.src, edges.dst)), shape=(graph.num_nodes(graph.user_type),) * 2)
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    matrix.setdiag(0)
    matrix.eliminate_zeros()
    return matrix
