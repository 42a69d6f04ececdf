"""What a graph of several dumps is called and recommends, and how to cite it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from hetmusic.errors import ConfigError
from hetmusic.graph.build_options import BuildOptions
from hetmusic.graph.build_report import Notes
from hetmusic.graph.types import EdgeType
from kg_schema.dump import DumpSpec
from kg_schema.dump_uses import edge_type
from kg_schema.ontology import Ontology


class Target(NamedTuple):
    """What is recommended from a graph."""

    name: str
    #: node type that is recommended
    item: str
    #: relation from users to items that is predicted, None without listeners
    interaction: str | None


def target(specs: Sequence[DumpSpec], options: BuildOptions, ontology: Ontology) -> Target:
    """What the dumps that have listeners agree on, or what the options choose.

    :raises ConfigError: if the dumps do not agree, or nobody likes what is chosen, or tags are of something else.
    """
    name = options.name or "_".join(spec.name for spec in specs)
    listeners = [spec for spec in specs if spec.interaction is not None]
    if not listeners:
        return Target(name, options.item or specs[0].item, None)
    if options.item is not None:
        found = Target(name, options.item, _interaction(listeners, options.item, ontology))
    else:
        found = Target(name, listeners[0].item, listeners[0].interaction)
        if other := [spec for spec in listeners if (spec.item, spec.interaction) != found[1:]]:
            said = " and ".join(f"{s.name} ({s.interaction} {s.item})" for s in (listeners[0], other[0]))
            raise ConfigError(f"the dumps do not agree on what is recommended: {said}; choose with --item")
    for spec in specs:
        if spec.assignments is not None and spec.item != found.item:
            raise ConfigError(
                f"{spec.name} says who gave which tag to which {spec.item}, but {found.item} nodes are to be recommended; "
                "a graph keeps that of recommended nodes only: remove `assignments` from a copy of its specification"
            )
    return found


def without_listeners(wanted: Target, edge_types: Collection[EdgeType], notes: Notes) -> Target:
    """The same, but without interaction where the files with listeners, which are optional then, are not there."""
    if wanted.interaction is None or ("user", wanted.interaction, wanted.item) in edge_types:
        return wanted
    notes.warn(f"no file says who {wanted.interaction} which {wanted.item}: the graph has no listeners")
    return wanted._replace(interaction=None)


def about(specs: Sequence[DumpSpec]) -> dict[str, str]:
    """How to name the data sets; of several dumps each says it for itself, and what they do not say is left out."""
    fields = ("title", "licence", "citation", "homepage")
    if len(specs) == 1:
        return {
            field: getattr(specs[0], field) for field in fields if field != "homepage" or specs[0].homepage
        }
    joined = {}
    for field in fields:
        said = {spec.name: getattr(spec, field) for spec in specs if getattr(spec, field)}
        joined[field] = "; ".join(f"{name}: {text}" for name, text in said.items())
    return {field: text for field, text in joined.items() if text}


def _interaction(listeners: Sequence[DumpSpec], item: str, ontology: Ontology) -> str:
    for spec in listeners:
        for edge in spec.edges:
            if edge_type(spec, edge, ontology) == ("user", spec.interaction, item):
                return edge.relation
    names = ", ".join(spec.name for spec in listeners)
    raise ConfigError(f"--item {item}: {names} does not say who likes which {item}")
