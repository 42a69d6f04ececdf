"""Relation encoders: how the messages of one typed relation become one vector a destination node."""

from __future__ import annotations

from hetmusic.relations import adapted, encoders
from hetmusic.relations.attention import AttentionEncoder
from hetmusic.relations.base import RelationEncoder
from hetmusic.relations.block import NodeInputs, RelationBlock
from hetmusic.relations.registry import relation_encoders

__all__ = [
    "AttentionEncoder",
    "NodeInputs",
    "RelationBlock",
    "RelationEncoder",
    "adapted",
    "encoders",
    "relation_encoders",
]
