"""The built-in relation encoders, one file each; importing this registers their names."""

from __future__ import annotations

from hetmusic.relations.encoders.confidence import ConfidenceEncoder
from hetmusic.relations.encoders.gat import GATEncoder
from hetmusic.relations.encoders.gated import GatedEncoder
from hetmusic.relations.encoders.gatv2 import GATv2Encoder
from hetmusic.relations.encoders.hgt import HGTEncoder
from hetmusic.relations.encoders.lightgcn import LightGCNEncoder
from hetmusic.relations.encoders.mean import MeanEncoder, SumEncoder
from hetmusic.relations.encoders.rgcn import RGCNEncoder
from hetmusic.relations.encoders.sage import SAGEEncoder
from hetmusic.relations.encoders.time_decay import TimeDecayEncoder
from hetmusic.relations.encoders.top_k import TopKEncoder

__all__ = [
    "ConfidenceEncoder",
    "GATEncoder",
    "GATv2Encoder",
    "GatedEncoder",
    "HGTEncoder",
    "LightGCNEncoder",
    "MeanEncoder",
    "RGCNEncoder",
    "SAGEEncoder",
    "SumEncoder",
    "TimeDecayEncoder",
    "TopKEncoder",
]
