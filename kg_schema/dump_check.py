"""Checks of a dump specification that need more than one part of it, or the ontology."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

from kg_schema.dump import DumpSpec, EdgeSource, TagKind
from kg_schema.dump_files import FileSpec
from kg_schema.dump_uses import ASSIGNED_RELATIONS, edge_type, uses
from kg_schema.errors import SchemaError, did_you_mean
from kg_schema.key_spaces import key_space
from kg_schema.ontology import Ontology
from kg_schema.yaml_file import Location, dotted


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


def all_problems(spec: DumpSpec, ontology: Ontology | None = None) -> list[Problem]:
    """All mistakes of a specification, but for those that a check can only find once others are mended."""
    ontology = ontology or Ontology.load()
    found = [*_types(spec, ontology), *_relations(spec, ontology)]
    if not found:
        found += _edges(spec, ontology)
        found += [] if found else _interaction(spec, ontology)
        found += [*_assignments(spec), *_features(spec), *_keys(spec, ontology)]
    of_files = list(_files(spec))
    found += of_files or _columns(spec)
    return list({problem.location: problem for problem in reversed(found)}.values())[::-1]


def _problems(spec: DumpSpec, ontology: Ontology) -> Iterator[Problem]:
    """Mistakes in an order in which each check may rely on those before it; so only the first one counts."""
    yield from _types(spec, ontology)
    yield from _files(spec)
    yield from _columns(spec)
    yield from _edges(spec, ontology)
    yield from _interaction(spec, ontology)
    yield from _assignments(spec)
    yield from _tags(spec, ontology)
    yield from _features(spec)
    yield from _keys(spec, ontology)
    yield from _filters(spec)


def _relations(spec: DumpSpec, ontology: Ontology) -> Iterator[Problem]:
    for number, edge in enumerate(spec.edges):
        yield from _complaint(("edges", number, "relation"), partial(ontology.relation, edge.relation))


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
    if spec.interaction is not None:
        yield from _complaint(("interaction",), partial(ontology.relation, spec.interaction))


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
        for number, other in enumerate(spec.files[file].unless):
            if other not in spec.files or other == file:
                text = f"no other file {other!r} under `files`{did_you_mean(other, spec.files)}"
                yield Problem(("files", file, "unless", number), text)


def _columns(spec: DumpSpec) -> Iterator[Problem]:
    """Check columns of files without header; those of others are known only when the file is read."""
    for file, entry in spec.files.items():
        for name in entry.types:
            yield from _unknown_column(("files", file, "types", name), entry, name)
        for column, resolve in entry.resolve.items():
            for part in (column, *resolve.by):
                yield from _unknown_column(("files", file, "resolve", column), entry, part)
        for name, parts in entry.combine.items():
            for part in parts:
                yield from _unknown_column(("files", file, "combine", name), entry, part)
        for name, lookup in entry.lookups.items():
            here: Location = ("files", file, "lookups", name, "column")
            yield from _unknown_column(here, entry, lookup.column, entry.derived)
            if file in _needed_by(spec, lookup.file):
                text = f"to read file {lookup.file!r}, {file!r} has to be read first"
                yield Problem(("files", file, "lookups", name, "file"), text)
        for number, rule in enumerate(entry.exclude):
            yield from _unknown_column(("files", file, "exclude", number, "column"), entry, rule.column)
            if file in _needed_by(spec, rule.file):
                text = f"to read file {rule.file!r}, {file!r} has to be read first"
                yield Problem(("files", file, "exclude", number, "file"), text)
        if isinstance(entry.nulls, dict):
            for name in entry.nulls:
                yield from _unknown_column(("files", file, "nulls", name), entry, name)
    for location, file, columns in uses(spec):
        known = spec.files[file].known_columns
        for key, names in columns.items():
            for name in names:
                if known is not None and name not in [*known, *spec.files[file].derived]:
                    hint = did_you_mean(name, known)
                    yield Problem((*location, key), f"no column {name!r} in `columns` of file {file!r}{hint}")


def _needed_by(spec: DumpSpec, file: str) -> set[str]:
    """The file itself and all in which something is looked up when it is read, directly or not."""
    found: set[str] = set()
    waiting = [file]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            entry = spec.files[file]
            waiting += [lookup.file for lookup in entry.lookups.values()]
            waiting += [rule.file for rule in entry.exclude]
    return found


def _unknown_column(
    location: Location, entry: FileSpec, name: str, more: Iterable[str] = ()
) -> Iterator[Problem]:
    known = entry.known_columns
    if known is not None and name not in [*known, *more]:
        yield Problem(location, f"no column {name!r} in `columns`{did_you_mean(name, known)}")


def _edges(spec: DumpSpec, ontology: Ontology) -> Iterator[Problem]:
    seen: dict[tuple[str, str, str], EdgeSource] = {}
    rows: dict[tuple[str, ...], int] = {}
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
        same = rows.setdefault((*kind, edge.file, edge.src, edge.dst), number)
        if same != number:
            yield Problem(here, f"edges[{same}] already gives {' '.join(kind)} from this file")
        first = seen.setdefault(kind, edge)
        if bool(edge.weight or edge.count_rows) != bool(first.weight or first.count_rows):
            text = f"of the sources of {' '.join(kind)} either all have a weight or none"
            yield Problem(here, text)


def _assignments(spec: DumpSpec) -> Iterator[Problem]:
    if spec.assignments is None:
        return
    if spec.interaction is None:
        yield Problem(("interaction",), "is null, but there are users who gave tags; name the relation")
    for kind in ("user", spec.item):
        if kind not in spec.nodes and spec.assignments.on_unknown != "create":
            yield Problem(("assignments",), f"no {kind!r} under `nodes`, so every row would be dropped")
    yield from _made_twice(spec, "assignments", spec.assignments.kinds)


def _tags(spec: DumpSpec, ontology: Ontology) -> Iterator[Problem]:
    for number, source in enumerate(spec.tags):
        here: Location = ("tags", number)
        kind = source.type or spec.item
        for tag_kind in source.kinds:
            relation = ASSIGNED_RELATIONS[tag_kind]
            yield from _complaint(
                (*here, "type"), partial(ontology.check_edge_type, kind, relation, tag_kind)
            )
        if kind not in spec.nodes and source.on_unknown != "create":
            yield Problem(here, f"no {kind!r} under `nodes`, so every row would be dropped")
        yield from _made_twice(spec, "tags", source.kinds)


def _made_twice(spec: DumpSpec, makers: str, kinds: Iterable[TagKind]) -> Iterator[Problem]:
    """Nodes and edges that are declared, but also made of tags."""
    for kind in kinds:
        rest = "" if kind == "tag" else f", or leave {kind!r} out of `kinds`"
        if kind in spec.nodes:
            yield Problem(("nodes", kind), f"the {makers} already make the {kind} nodes; remove these{rest}")
        for number, edge in enumerate(spec.edges):
            if edge.relation == ASSIGNED_RELATIONS[kind]:
                text = f"{edge.relation!r} already comes from the {makers}; remove these edges{rest}"
                yield Problem(("edges", number, "relation"), text)


def _interaction(spec: DumpSpec, ontology: Ontology) -> Iterator[Problem]:
    if spec.interaction is None:
        return
    wanted = ("user", spec.interaction, spec.item)
    yield from _complaint(("interaction",), partial(ontology.check_edge_type, *wanted))
    if wanted not in [edge_type(spec, edge, ontology) for edge in spec.edges]:
        yield Problem(("interaction",), f"no edges of the form {' '.join(wanted)} under `edges`")


def _features(spec: DumpSpec) -> Iterator[Problem]:
    for kind, modalities in spec.features.items():
        if kind not in spec.node_types:
            hint = did_you_mean(kind, spec.node_types)
            yield Problem(
                ("features", kind), f"no {kind!r} under `nodes`{hint}, so every row would be dropped"
            )
        for modality, source in modalities.items():
            if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", modality) is None:
                text = "the name of a modality holds letters, digits, '_' and '-' only"
                yield Problem(("features", kind, modality), text)
            attributes = {name for node in spec.nodes.get(kind, []) for name in node.attributes}
            for key in ("text", "counts"):
                name = getattr(source, key)
                if name is not None and name in attributes:
                    yield Problem(
                        ("features", kind, modality, key), f"there is an attribute {name!r} already"
                    )


def _keys(spec: DumpSpec, ontology: Ontology) -> Iterator[Problem]:
    """What the joining with other dumps relies on."""
    for node_type, name in spec.keys.items():
        here: Location = ("keys", node_type)
        yield from _no_such_nodes(spec, here, node_type)
        yield from _complaint(here, partial(key_space, name, ontology.node_types))
        of = key_space(name, ontology.node_types).type
        if of != node_type:
            yield Problem(here, f"{name!r} are ids of {of} nodes")
    for number, key_map in enumerate(spec.key_maps):
        here = ("key_maps", number, "keys")
        for name in key_map.keys:
            yield from _complaint((*here, name), partial(key_space, name, ontology.node_types))
        types = {name: key_space(name, ontology.node_types).type for name in key_map.keys}
        if len(set(types.values())) > 1:
            listed = ", ".join(f"{name} of {node_type}" for name, node_type in types.items())
            yield Problem(here, f"the keys are not of one node type: {listed}")
    for node_type, attributes in spec.match_names.items():
        here = ("match_names", node_type)
        yield from _no_such_nodes(spec, here, node_type)
        known = ["name", *(name for source in spec.nodes.get(node_type, []) for name in source.attributes)]
        for name in attributes:
            if name not in known:
                yield Problem(here, f"{node_type} has no attribute {name!r}{did_you_mean(name, known)}")


def _filters(spec: DumpSpec) -> Iterator[Problem]:
    for name, keep in spec.filters.lists.items():
        if keep.path is not None:
            yield Problem(("filters", name), "give a file of `files` and its column: {file: ..., key: ...}")
        yield from _no_such_nodes(spec, ("filters", name), spec.item if name == "items" else "user")


def _no_such_nodes(spec: DumpSpec, location: Location, node_type: str) -> Iterator[Problem]:
    if node_type not in spec.node_types:
        hint = did_you_mean(node_type, spec.node_types)
        yield Problem(location, f"the dump has no nodes of type {node_type!r}{hint}")


def _complaint(location: Location, question: Callable[[], Any]) -> Iterator[Problem]:
    try:
        question()
    except SchemaError as error:
        yield Problem(location, str(error))
