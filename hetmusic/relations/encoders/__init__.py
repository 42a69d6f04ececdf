"""The built-in relation encoders, one file each; importing this registers their names."""

from __future__ import annotations

from hetmusic.relations.encoders.gat import GATEncoder
from hetmusic.relations.encoders.gated import GatedEncoder
from hetmusic.relations.encoders.lightgcn import LightGCNEncoder
from hetmusic.relations.encoders.mean import MeanEncoder, SumEncoder
from hetmusic.relations.encoders.sage import SAGEEncoder

__all__ = ["GATEncoder", "GatedEncoder", "LightGCNEncoder", "MeanEncoder", "SAGEEncoder", "SumEncoder"]
