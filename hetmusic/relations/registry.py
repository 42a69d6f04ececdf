"""The resolver of relation encoders."""

from __future__ import annotations

from hetmusic._resolve import Resolver
from hetmusic.relations.base import RelationEncoder

#: names, import paths, classes, instances and entry points (group ``hetmusic.relation_encoders``) -> encoder
relation_encoders: Resolver[RelationEncoder] = Resolver(
    "relation encoder",
    RelationEncoder,
    "hetmusic.relation_encoders",
    given=["dim"],
    hooks=["message", "forward"],
)
