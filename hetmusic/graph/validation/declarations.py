"""Checks of what ``graph.json`` says about node types and relations against the ontology."""

from __future__ import annotations

from hetmusic.errors import SchemaError, did_you_mean
from hetmusic.graph.format import GraphMeta, RelationInfo
from hetmusic.graph.relations import tag_edge_types
from hetmusic.graph.types import EdgeType
from hetmusic.graph.validation.report import Collector
from kg_schema.ontology import Ontology, Relation

_HERE = "graph.json"


def check_declarations(meta: GraphMeta, ontology: Ontology, out: Collector) -> None:
    """Check node types, relations, domains and ranges, inverses and symmetry."""
    for node_type in meta.counts.nodes:
        if node_type not in ontology.node_types:
            hint = did_you_mean(node_type, ontology.node_types)
            out.add("unknown-type", _HERE, f"the ontology has no node type {node_type!r}{hint}")
    for name, info in meta.relations.items():
        relation = _resolve(name, ontology, out)
        if relation is not None:
            _compare(name, info, relation, out)
    stored = {EdgeType.parse(text) for text in meta.counts.edges}
    for edge_type in sorted(stored | tag_edge_types(meta.item, meta.counts.assignments).keys()):
        known = ontology.relations.get(edge_type.relation)
        if known is not None and not known.allows(edge_type.src, edge_type.dst):
            allowed = ", ".join(f"{src} -> {dst}" for src, _, dst in known.edge_types())
            message = (
                f"{edge_type.relation!r} cannot connect {edge_type.src} -> {edge_type.dst}; "
                f"it allows {allowed}"
            )
            out.add("domain-range", f"edges {edge_type}", message)


def _resolve(name: str, ontology: Ontology, out: Collector) -> Relation | None:
    """The relation of that name; None, and a finding, for an unknown one or an inverse."""
    try:
        relation, is_inverse = ontology.resolve(name)
    except SchemaError as problem:
        out.add("unknown-relation", _HERE, str(problem))
        return None
    if is_inverse:
        message = f"{name!r} is the inverse of {relation.name!r}, which is derived and not stored"
        out.add("stored-inverse", _HERE, message)
        return None
    return relation


def _compare(name: str, info: RelationInfo, relation: Relation, out: Collector) -> None:
    if info.inverse != relation.inverse:
        message = f"the inverse of {name!r} is {info.inverse!r} here, {relation.inverse!r} in the ontology"
        out.add("declaration", _HERE, message)
    if info.symmetric != relation.symmetric:
        here, there = (
            "symmetric" if value else "not symmetric" for value in (info.symmetric, relation.symmetric)
        )
        out.add("declaration", _HERE, f"{name!r} is {here} here, {there} in the ontology")
