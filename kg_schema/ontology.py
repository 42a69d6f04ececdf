"""What may stand in a music knowledge graph: node types and typed relations.

A relation is declared once, in the direction that graphs store, with the name of its inverse or as symmetric.
The declaration that comes with hetmusic is ``music.yaml``; its format is described there.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from kg_schema.errors import SchemaError, did_you_mean
from kg_schema.models import SpecModel, mistake
from kg_schema.yaml_file import YamlFile

#: the ontology that comes with hetmusic
MUSIC = Path(__file__).with_name("music.yaml")
#: value of ``range`` of a relation that connects nodes of one and the same type
SAME = "same"


class NodeType(SpecModel):
    """A kind of node."""

    #: the name, e.g. ``artist``; filled in from the key in the file
    name: str = Field(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$")
    description: str


class Relation(SpecModel):
    """A kind of edge, in the direction in which it is stored; messages flow from source to destination."""

    #: the name, e.g. ``sung_by``; filled in from the key in the file
    name: str = Field(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$")
    #: node types at which an edge may start
    domain: list[str] = Field(min_length=1)
    #: node types at which an edge may end; with ``same_type`` equal to the domain
    range: list[str] = Field(min_length=1)
    #: whether source and destination must have the same type (``range: same`` in the file)
    same_type: bool = False
    #: name of the relation in the opposite direction; None only for symmetric relations
    inverse: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$")
    #: whether (a, b) says the same as (b, a); then a pair is stored once, with a <= b
    symmetric: bool = False
    #: what the weight of an edge counts, or None if edges have no weight
    weight: str | None = None
    #: how weights of repeated rows of one pair are combined
    merge: Literal["sum", "max"] = "sum"
    #: whether edges may carry a time
    time: bool = False
    description: str = ""

    @model_validator(mode="before")
    @classmethod
    def _expand_same(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("range") == SAME:
            return {**values, "range": values.get("domain"), "same_type": True}
        return values

    @field_validator("domain", "range")
    @classmethod
    def _no_repeats(cls, types: list[str]) -> list[str]:
        if len(set(types)) != len(types):
            raise ValueError(f"a node type is listed twice in {types}")
        return types

    @model_validator(mode="after")
    def _one_way_back(self) -> Relation:
        if self.symmetric and self.inverse is not None:
            raise ValueError("a symmetric relation is its own inverse; remove `inverse`")
        if self.symmetric and not self.same_type and (self.domain != self.range or len(self.domain) != 1):
            raise ValueError("a symmetric relation connects nodes of one type; write `range: same`")
        if not self.symmetric and self.inverse is None:
            raise ValueError("give the name of the inverse relation, or `symmetric: true`")
        return self

    @property
    def counts(self) -> bool:
        """Whether the weight says how many there are of something, so that it is never below 0."""
        return self.weight is not None and self.merge == "sum"

    def edge_types(self) -> list[tuple[str, str, str]]:
        """All (source type, relation, destination type) that the relation allows."""
        if self.same_type:
            return [(kind, self.name, kind) for kind in self.domain]
        return [(src, self.name, dst) for src in self.domain for dst in self.range]

    def allows(self, src: str, dst: str) -> bool:
        """Whether an edge may go from a node of type ``src`` to one of type ``dst``."""
        return src in self.domain and dst in self.range and (src == dst or not self.same_type)


class Ontology(SpecModel):
    """Node types and relations by name."""

    node_types: dict[str, NodeType] = Field(min_length=1)
    relations: dict[str, Relation] = Field(min_length=1)

    @classmethod
    def load(cls, path: str | Path | None = None) -> Ontology:
        """Read an ontology from YAML, by default the music ontology.

        :raises SchemaError: with file, line and key of the first mistake.
        """
        return YamlFile.read(Path(path) if path is not None else MUSIC).validate(cls)

    @field_validator("node_types", "relations", mode="before")
    @classmethod
    def _name_from_key(cls, entries: Any) -> Any:
        if not isinstance(entries, dict):
            return entries
        return {k: {"name": k, **v} if isinstance(v, dict) else v for k, v in entries.items()}

    @model_validator(mode="after")
    def _consistent(self) -> Ontology:
        seen = dict.fromkeys(self.relations, "a relation")
        for name, relation in self.relations.items():
            for end, kinds in (("domain", relation.domain), ("range", relation.range)):
                for kind in kinds:
                    if kind not in self.node_types:
                        hint = did_you_mean(kind, self.node_types)
                        raise mistake(f"unknown node type {kind!r}{hint}", "relations", name, end)
            inverse = relation.inverse
            if inverse is not None and inverse in seen:
                raise mistake(f"{inverse!r} is already {seen[inverse]}", "relations", name, "inverse")
            if inverse is not None:
                seen[inverse] = f"the inverse of {name!r}"
        return self

    def node_type(self, name: str) -> NodeType:
        """The node type of that name.

        :raises SchemaError: if there is none.
        """
        if name not in self.node_types:
            raise SchemaError(f"unknown node type {name!r}{did_you_mean(name, self.node_types)}")
        return self.node_types[name]

    def relation(self, name: str) -> Relation:
        """The relation of that name, in its stored direction.

        :raises SchemaError: if there is none; for an inverse the message says which relation to use.
        """
        if name in self.relations:
            return self.relations[name]
        relation, is_inverse = self.resolve(name)
        assert is_inverse  # every other name is a relation or was refused by resolve()
        raise SchemaError(f"{name!r} is the inverse of {relation.name!r}; declare edges as {relation.name!r}")

    def resolve(self, name: str) -> tuple[Relation, bool]:
        """The relation that a name stands for and whether the name is that of its inverse.

        :raises SchemaError: if the name is neither.
        """
        if name in self.relations:
            return self.relations[name], False
        for relation in self.relations.values():
            if relation.inverse == name:
                return relation, True
        known = [*self.relations, *(r.inverse for r in self.relations.values() if r.inverse)]
        raise SchemaError(f"unknown relation {name!r}{did_you_mean(name, known)}")

    def check_edge_type(self, src: str, relation: str, dst: str) -> Relation:
        """Return the relation if it may connect these node types in this direction.

        :raises SchemaError: if a name is unknown or the relation does not connect the two types.
        """
        self.node_type(src)
        self.node_type(dst)
        found = self.relation(relation)
        if not found.allows(src, dst):
            allowed = ", ".join(f"{s} -> {d}" for s, _, d in found.edge_types())
            raise SchemaError(f"{relation!r} cannot connect {src} -> {dst}; it allows {allowed}")
        return found

    def subset(self, node_types: Iterable[str], relations: Iterable[str]) -> Ontology:
        """The part that a graph uses, domains and ranges cut down to the given node types."""
        kinds = {name: self.node_type(name) for name in sorted(set(node_types))}
        cut = {}
        for name in sorted(set(relations)):
            relation = self.relation(name)
            domain = [k for k in relation.domain if k in kinds]
            reach = [k for k in relation.range if k in kinds]
            cut[name] = relation.model_copy(update={"domain": domain, "range": reach})
        return Ontology.model_construct(node_types=kinds, relations=cut)
