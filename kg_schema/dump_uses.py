"""What a dump specification reads: which columns of which file, for what, and which edges they make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kg_schema.dump import DumpSpec, EdgeSource
from kg_schema.dump_files import FileSpec
from kg_schema.errors import SchemaError
from kg_schema.ontology import Ontology
from kg_schema.yaml_file import Location

#: kind of a tag -> the relation that it becomes
ASSIGNED_RELATIONS = {"genre": "has_genre", "emotion": "evokes", "tag": "has_tag"}


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
    for number, words in enumerate(spec.tags):
        columns = {"item": [words.item], "tag": [words.tag], "weight": [words.weight] if words.weight else []}
        yield ("tags", number), words.file, columns
    for kind, modalities in spec.features.items():
        for modality, source in modalities.items():
            columns = {"key": [source.key], "columns": source.columns or []}
            columns["word"] = [source.word] if source.word else []
            columns["weight"] = [source.weight] if source.weight else []
            for file in source.file:
                yield ("features", kind, modality), file, columns
    for name, keep in spec.filters.lists.items():
        if keep.file is not None and keep.key is not None:
            yield ("filters", name), keep.file, {"key": [keep.key]}
    for number, key_map in enumerate(spec.key_maps):
        yield ("key_maps", number), key_map.file, {"keys": list(key_map.keys.values())}
    for file, entry in spec.files.items():
        for name, lookup in entry.lookups.items():
            columns = {"key": [lookup.key], "value": [lookup.value]}
            yield ("files", file, "lookups", name), lookup.file, columns
        for number, rule in enumerate(entry.exclude):
            yield ("files", file, "exclude", number), rule.file, {"key": [rule.key]}


def columns_by_file(spec: DumpSpec) -> dict[str, list[str]]:
    """File id -> the columns that are read of it, without repetitions."""
    needed: dict[str, list[str]] = {file: [] for file in spec.files}
    for _, file, columns in uses(spec):
        needed[file] += [name for names in columns.values() for name in names]
    for file, entry in spec.files.items():
        needed[file] += entry.types
    return {file: list(dict.fromkeys(columns)) for file, columns in needed.items()}


def ends_by_file(spec: DumpSpec) -> dict[str, set[str]]:
    """File id -> the columns whose every row is looked up among the nodes: ends of edges and of tag assignments."""
    ends: dict[str, set[str]] = {file: set() for file in spec.files}
    for _, file, columns in uses(spec):
        for key in ("src", "dst", "user", "item"):
            ends[file].update(columns.get(key, []))
    return ends


def raw_columns(entry: FileSpec, columns: Iterable[str]) -> list[str]:
    """What has to be read of a file for some of its columns, of which some may be derived."""
    columns = list(columns)
    lookups = entry.lookups_for(columns)
    needed = [
        name for name in [*columns, *(lookup.column for lookup in lookups.values())] if name not in lookups
    ]
    needed += [rule.column for rule in entry.exclude]
    found = [part for name in needed for part in entry.combine.get(name, [name])]
    found += [part for name in found if name in entry.resolve for part in entry.resolve[name].by]
    return [name for name in dict.fromkeys(found) if name != entry.numbered]
