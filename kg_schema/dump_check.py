"""Checks of a dump specification that need more than one part of it, or the ontology."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from kg_schema.dump import DumpSpec, EdgeSource
from kg_schema.errors import SchemaError, did_you_mean
from kg_schema.ontology import Ontology
from kg_schema.yaml_file import Location, dotted

#: kind of an assigned tag -> the relation that is aggregated from assignments
ASSIGNED_RELATIONS = {"genre": "has_genre", "emotion": "evokes", "tag": "has_tag"}


class Problem(NamedTuple):
    """A mistake in a specification."""

    #: the way to the key that is wrong
    location: Location
    message: str


def first_problem(spec: DumpSpec, ontology: Ontology | None = None) -> Problem | None:
    """The first mistake of a specification, or None if there is none.

    :param ontology: by default the music ontology.
    """
    return next(_problems(spec, ontology or Ontology.load()), None)


def check(spec: DumpSpec, ontology: Ontology | None = None) -> None:
    """Raise the first mistake of a specification that was made in Python.

    :raises SchemaError: naming the key.
    """
    problem = first_problem(spec, ontology)
    if problem is not None:
        where = spec.source or f"dump {spec.name!r}"
        raise SchemaError(f"{where}: {dotted(problem.location)}: {problem.message}")


def edge_type(spec: DumpSpec, edge: EdgeSource, ontology: Ontology) -> tuple[str, str, str]:
    """The (source type, relation, destination type) of an edge source.

    Types that the source leaves out are those that both the relation and the nodes of the dump allow,
    provided there is just one choice.

    :raises SchemaError: if the relation or a type is unknown, not allowed, or ambiguous.
    """
    relation = ontology.relation(edge.relation)
    if edge.src_type and edge.dst_type:
        ontology.check_edge_type(edge.src_type, edge.relation, edge.dst_type)
        return edge.src_type, edge.relation, edge.dst_type
    present = {*spec.node_types, edge.src_type, edge.dst_type}
    fits = [
        (src, name, dst)
        for src, name, dst in relation.edge_types()
        if edge.src_type in (None, src) and edge.dst_type in (None, dst) and {src, dst} <= present
    ]
    if len(fits) == 1:
        return fits[0]
    if not fits:
        choices = ", ".join(f"{src} -> {dst}" for src, _, dst in relation.edge_types())
        raise SchemaError(f"the dump has no nodes for {edge.relation!r}, which connects {choices}")
    choices = ", ".join(f"{src} -> {dst}" for src, _, dst in fits)
    raise SchemaError(f"{edge.relation!r} could connect {choices}; give `src_type` and `dst_type`")


def columns_by_file(spec: DumpSpec) -> dict[str, list[str]]:
    """File id -> the columns that are read of it, without repetitions."""
    needed: dict[str, list[str]] = {file: [] for file in spec.files}
    for _, file, columns in uses(spec):
        needed[file] += [name for names in columns.values() for name in names]
    for file, entry in spec.files.items():
        needed[file] += entry.types
    return {file: list(dict.fromkeys(columns)) for file, columns in needed.items()}


def _problems(spec: DumpSpec, ontology: Ontology) -> Iterator[Problem]:
    """Mistakes in an order in which each check may rely on those before it; so only the first one counts."""
    yield from _types(spec, ontology)
    yield from _files(spec)
    yield from _columns(spec)
    yield from _edges(spec, ontology)
    yield from _interaction(spec, ontology)
    yield from _assignments(spec)


def _types(spec: DumpSpec, ontology: Ontology) -> Iterator[Problem]:
    for kind, sources in spec.nodes.items():
        yield from _complaint(("nodes", kind), partial(ontology.node_type, kind))
        if not sources:
            yield Problem(("nodes", kind), "the list of sources is empty")
        dtypes: dict[str, str] = {}
        for number, source in enumerate(sources):
            for name, attribute in source.attributes.items():
                if dtypes.setdefault(name, attribute.dtype) != attribute.dtype:
                    text = f"another source says that {name!r} is {dtypes[name]}, not {attribute.dtype}"
                    yield Problem(("nodes", kind, number, "attributes", name), text)
    yield from _complaint(("item",), partial(ontology.node_type, spec.item))
    yield from _complaint(("interaction",), partial(ontology.relation, spec.interaction))


def uses(spec: DumpSpec) -> Iterator[tuple[Location, str, dict[str, list[str]]]]:
    """Every place that names a file: its location, the file, and the columns it reads by key."""
    for kind, sources in spec.nodes.items():
        for number, node in enumerate(sources):
            columns = {"key": [node.key], "name": [node.name] if node.name else []}
            columns["attributes"] = [attribute.column for attribute in node.attributes.values()]
            yield ("nodes", kind, number), node.file, columns
    for number, edge in enumerate(spec.edges):
        columns = {"src": [edge.src], "dst": [edge.dst], "weight": [edge.weight] if edge.weight else []}
        columns["time"] = edge.time.columns if edge.time else []
        yield ("edges", number), edge.file, columns
    if spec.assignments is not None:
        tags = spec.assignments
        columns = {"user": [tags.user], "item": [tags.item], "tag": [tags.tag]}
        columns["time"] = tags.time.columns if tags.time else []
        yield ("assignments",), tags.file, columns
        if tags.tag_names is not None:
            names = {"key": [tags.tag_names.key], "value": [tags.tag_names.value]}
            yield ("assignments", "tag_names"), tags.tag_names.file, names


def _files(spec: DumpSpec) -> Iterator[Problem]:
    used = set()
    for location, file, _ in uses(spec):
        used.add(file)
        if file not in spec.files:
            yield Problem(
                (*location, "file"), f"no file {file!r} under `files`{did_you_mean(file, spec.files)}"
            )
    for file in spec.files:
        if file not in used:
            yield Problem(("files", file), "nothing is read from this file")


def _columns(spec: DumpSpec) -> Iterator[Problem]:
    """Check columns of files without header; those of others are known only when the file is read."""
    for file, entry in spec.files.items():
        for name in entry.types:
            if entry.columns is not None and name not in entry.columns:
                hint = did_you_mean(name, entry.columns)
                yield Problem(("files", file, "types", name), f"no column {name!r} in `columns`{hint}")
    for location, file, columns in uses(spec):
        known = spec.files[file].columns
        for key, names in columns.items():
            for name in names:
                if known is not None and name not in known:
                    hint = did_you_mean(name, known)
                    yield Problem((*location, key), f"no column {name!r} in `columns` of file {file!r}{hint}")


def _edges(spec: DumpSpec, ontology: Ontology) -> Iterator[Problem]:
    seen: dict[tuple[str, str, str], int] = {}
    for number, edge in enumerate(spec.edges):
        here: Location = ("edges", number)
        complaints = list(_complaint((*here, "relation"), partial(edge_type, spec, edge, ontology)))
        if complaints:
            yield from complaints
            continue
        kind = edge_type(spec, edge, ontology)
        relation = ontology.relation(edge.relation)
        for end, name in (("src", kind[0]), ("dst", kind[2])):
            if name not in spec.nodes and edge.on_unknown != "create":
                yield Problem((*here, end), f"no {name!r} under `nodes`, so every row would be dropped")
        if edge.weight and relation.weight is None:
            yield Problem((*here, "weight"), f"edges of {edge.relation!r} have no weight")
        if edge.count_rows and relation.weight is None:
            yield Problem((*here, "count_rows"), f"edges of {edge.relation!r} have no weight")
        if edge.time and not relation.time:
            yield Problem((*here, "time"), f"edges of {edge.relation!r} have no time")
        if kind in seen:
            yield Problem(here, f"edges[{seen[kind]}] already gives {' '.join(kind)}")
        seen[kind] = number


def _assignments(spec: DumpSpec) -> Iterator[Problem]:
    if spec.assignments is None:
        return
    for kind in ("user", spec.item):
        if kind not in spec.nodes and spec.assignments.on_unknown != "create":
            yield Problem(("assignments",), f"no {kind!r} under `nodes`, so every row would be dropped")
    for kind in spec.assignments.kinds:
        rest = "" if kind == "tag" else f", or leave {kind!r} out of `kinds`"
        if kind in spec.nodes:
            yield Problem(
                ("nodes", kind), f"the assignments already make the {kind} nodes; remove these{rest}"
            )
        for number, edge in enumerate(spec.edges):
            if edge.relation == ASSIGNED_RELATIONS[kind]:
                text = f"{edge.relation!r} already comes from the assignments; remove these edges{rest}"
                yield Problem(("edges", number, "relation"), text)


def _interaction(spec: DumpSpec, ontology: Ontology) -> Iterator[Problem]:
    wanted = ("user", spec.interaction, spec.item)
    yield from _complaint(("interaction",), partial(ontology.check_edge_type, *wanted))
    if wanted not in [edge_type(spec, edge, ontology) for edge in spec.edges]:
        yield Problem(("interaction",), f"no edges of the form {' '.join(wanted)} under `edges`")


def _complaint(location: Location, question: Callable[[], Any]) -> Iterator[Problem]:
    try:
        question()
    except SchemaError as error:
        yield Problem(location, str(error))
