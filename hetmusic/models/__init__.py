"""Models: HeteroConv stacks, towers and MM-GNN."""

from __future__ import annotations

from hetmusic.models.blocks import Layer, LayeredBlocks, full_graph_blocks
from hetmusic.models.config import ModelConfig, RelationConfig, TowerConfig
from hetmusic.models.hetero_conv import HeteroConv
from hetmusic.models.layerwise import final_embeddings
from hetmusic.models.mmgnn import MMGNN
from hetmusic.models.schema import GraphSchema
from hetmusic.models.tower import Tower

__all__ = [
    "MMGNN",
    "GraphSchema",
    "HeteroConv",
    "Layer",
    "LayeredBlocks",
    "ModelConfig",
    "RelationConfig",
    "Tower",
    "TowerConfig",
    "final_embeddings",
    "full_graph_blocks",
]
