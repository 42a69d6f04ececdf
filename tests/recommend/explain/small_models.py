"""Small models over random graphs, as explanations see them."""

from __future__ import annotations

import numpy as np
import torch

from hetmusic.graph.emotions import ItemEmotions
from hetmusic.graph.types import Edges, EdgeType, Modality
from hetmusic.models import MMGNN, GraphSchema, ModelConfig, RelationConfig, full_graph_blocks
from hetmusic.models.inputs import IdInput
from hetmusic.recommend.explain.encoding import Encoder
from hetmusic.relations import RelationBlock
from hetmusic.training.tensors import GraphTensors, subset
from tests.blocks import FRIENDS, LIKED_BY, LIKES, TAG_OF

SIMILAR = EdgeType("song", "similar_to", "song")
USERS, SONGS, TAGS = 6, 8, 4
NUM = {"user": USERS, "song": SONGS, "tag": TAGS}


def tensors_of(blocks: dict[EdgeType, RelationBlock]) -> GraphTensors:
    """A training graph of these relations."""
    tensors = GraphTensors.__new__(GraphTensors)
    tensors.num_nodes, tensors.blocks, tensors.interaction_ids = dict(NUM), blocks, {}
    return tensors


def random_edges(rng, edge_type: EdgeType, share: float) -> RelationBlock:
    """Every pair but a node with itself is an edge with some probability, and has a weight."""
    drawn = rng.random((NUM[edge_type.src], NUM[edge_type.dst])) < share
    if edge_type.src == edge_type.dst:
        np.fill_diagonal(drawn, False)
    src, dst = np.nonzero(drawn)
    weight = torch.from_numpy(rng.integers(1, 9, len(src)).astype(np.float32))
    ends = torch.from_numpy(src), torch.from_numpy(dst)
    return RelationBlock.from_coo(
        edge_type, *ends, NUM[edge_type.src], NUM[edge_type.dst], {"weight": weight}
    )


def random_encoder(seed: int, encoders: dict[str, str], share: float = 0.4, **config) -> Encoder:
    """A model with random weights over a random graph.

    :param encoders: by relation; the graph has these relations.
    :param config: of the model.
    """
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    known = [t for t in (LIKED_BY, LIKES, FRIENDS, TAG_OF, SIMILAR) if t.relation in encoders]
    blocks = {t: random_edges(rng, t, share) for t in known}
    modalities = {
        name: Modality(rng.normal(size=(SONGS, 3)).astype(np.float32), rng.random(SONGS) < 0.6)
        for name in ("audio", "text")
    }
    here = rng.random(SONGS) < 0.7
    points = (rng.uniform(-1, 1, (SONGS, 2)) * here[:, None]).astype(np.float32)
    none = np.empty(0, np.int32)
    emotions = ItemEmotions(points, here, Edges(none, none), 0)
    untrained = rng.random(SONGS) < 0.3
    schema = GraphSchema(
        NUM, tuple(known), "user", "song", modalities, emotions=emotions, untrained=untrained
    )
    chosen = {name: RelationConfig(encoder=encoder) for name, encoder in encoders.items()}
    model = MMGNN(schema, ModelConfig(**{"dim": 4, **config}), chosen).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape))
        for part in model.modules():
            if isinstance(part, IdInput) and part.num_nodes == SONGS:
                part.table[torch.from_numpy(untrained)] = 0.0
    return Encoder(model, tensors_of({t: blocks[t] for t in model.edge_types}))


def scores(encoder: Encoder, removed: dict[EdgeType, list[int]] | None = None) -> np.ndarray:
    """All scores over the whole graph, without some edges of relations."""
    blocks = dict(encoder.tensors.blocks)
    for edge_type, edges in (removed or {}).items():
        keep = torch.ones(blocks[edge_type].num_edges, dtype=torch.bool)
        keep[edges] = False
        blocks[edge_type] = subset(blocks[edge_type], keep)
    with torch.no_grad():
        view = encoder.model(full_graph_blocks(blocks, NUM, encoder.num_layers))
    return (view.users.double() @ view.items.double().T).numpy()
