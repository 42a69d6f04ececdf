"""What becomes of a dump's files, in words: which column is which node, relation, weight, time, tag, and what is dropped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hetmusic.dumps.describe_files import describe_files, file_name
from kg_schema.dump import (
    AssignmentSource,
    DumpSpec,
    EdgeSource,
    FeatureSource,
    NodeSource,
    TagKind,
    TagSource,
    TimeSpec,
)
from kg_schema.dump_uses import ASSIGNED_RELATIONS, edge_type
from kg_schema.key_spaces import known_spaces
from kg_schema.ontology import Ontology

_UNKNOWN = {
    "drop": "rows with an unknown end are dropped and counted",
    "ignore": "rows with an unknown end are left out, as many are expected to be",
    "error": "an unknown end is an error",
    "create": "unknown ends become nodes",
}
_UNITS = {"s": "seconds since 1970", "ms": "milliseconds since 1970", "iso": "ISO 8601"}


def describe(spec: DumpSpec, ontology: Ontology | None = None) -> dict[str, list[str]]:
    """Heading -> sentences.

    :param ontology: by default the music ontology.
    """
    ontology = ontology or Ontology.load()
    sections = {
        "files": describe_files(spec),
        "nodes": [line for kind, sources in spec.nodes.items() for line in _nodes(spec, kind, sources)],
        "relations": [_edge(spec, edge, ontology) for edge in spec.edges],
        "tags": [
            *(_assignments(spec, spec.assignments) if spec.assignments else ()),
            *(line for source in spec.tags for line in _totals(spec, source)),
        ],
        "modalities": [
            _feature(spec, kind, name, source)
            for kind, modalities in spec.features.items()
            for name, source in modalities.items()
        ],
        "joined with other dumps": list(_joined(spec)),
        "left out": list(dict.fromkeys(_left_out(spec))),
    }
    return {heading: lines for heading, lines in sections.items() if lines}


def _nodes(spec: DumpSpec, kind: str, sources: list[NodeSource]) -> Iterator[str]:
    for source in sources:
        parts = [f"{kind}: key is `{source.key}` of {file_name(spec, source.file)}"]
        parts += [f"name is `{source.name}`"] if source.name else []
        for name, attribute in source.attributes.items():
            dtype = "" if attribute.dtype == "str" else f" ({attribute.dtype})"
            shown = f"`{attribute.column}`" if attribute.column == name else f"`{attribute.column}` as {name}"
            parts.append(f"attribute {shown}{dtype}")
        yield "; ".join(parts)


def _edge(spec: DumpSpec, edge: EdgeSource, ontology: Ontology) -> str:
    src, name, dst = edge_type(spec, edge, ontology)
    relation = ontology.relation(name)
    parts = [f"{src} {name} {dst}: `{edge.src}` to `{edge.dst}` of {file_name(spec, edge.file)}"]
    merged = "the largest counts" if relation.merge == "max" else "summed over rows of one pair"
    if edge.weight:
        parts.append(f"weight ({relation.weight}) is `{edge.weight}`, {merged}")
    if edge.count_rows:
        parts.append(f"weight ({relation.weight}) is the number of rows of the pair")
    if edge.time:
        parts.append(f"time is {_time(edge.time)}, the latest of a pair counts")
    if relation.symmetric:
        parts.append("stored once for both directions, pairs of one node with itself are dropped")
    if edge.fill:
        parts.append(f"only for a {src} without one so far")
    return "; ".join([*parts, _UNKNOWN[edge.on_unknown]])


def _time(time: TimeSpec) -> str:
    if time.column:
        return f"`{time.column}` ({_UNITS[time.unit]})"
    return f"the date in {', '.join(f'`{column}`' for column in time.columns)}"


def _assignments(spec: DumpSpec, tags: AssignmentSource) -> Iterator[str]:
    parts = [
        f"user `{tags.user}` gave {spec.item} `{tags.item}` the tag `{tags.tag}` in {file_name(spec, tags.file)}"
    ]
    if tags.tag_names is not None:
        names = tags.tag_names
        parts.append(
            f"what it says is `{names.value}` of {file_name(spec, names.file)}, found by `{names.key}`"
        )
    if tags.time:
        parts.append(f"time is {_time(tags.time)}")
    yield "; ".join([*parts, _UNKNOWN[tags.on_unknown]])
    for kind in tags.kinds:
        yield f"{_which(tags.kinds, kind)}, {spec.item} {ASSIGNED_RELATIONS[kind]} {kind}, counted in people"


def _totals(spec: DumpSpec, tags: TagSource) -> Iterator[str]:
    what = tags.type or spec.item
    parts = [f"{what} `{tags.item}` has the tag `{tags.tag}` in {file_name(spec, tags.file)}"]
    parts += [f"weight is `{tags.weight}`, summed over tags that mean the same"] if tags.weight else []
    yield "; ".join([*parts, _UNKNOWN[tags.on_unknown]])
    for kind in tags.kinds:
        yield f"{_which(tags.kinds, kind)}, {what} {ASSIGNED_RELATIONS[kind]} {kind}"


def _which(kinds: Sequence[TagKind], kind: TagKind) -> str:
    """Which tags become nodes of a kind."""
    if len(kinds) == 1:
        return f"all tags become {kind} nodes"
    return ("all other tags" if kind == "tag" else f"tags in the {kind} vocabulary") + f" become {kind} nodes"


def _feature(spec: DumpSpec, kind: str, name: str, source: FeatureSource) -> str:
    files = " and ".join(file_name(spec, file) for file in source.file)
    if source.word is None:
        columns = ", ".join(f"`{column}`" for column in source.columns or [])
        return f"{kind} {name}: the numbers in {columns} of {files}, found by `{source.key}`"
    counted = f" counted by `{source.weight}`" if source.weight else ""
    parts = [
        f"{kind} {name}: words in `{source.word}`{counted} of {files}, found by `{source.key}`",
        f"the {source.words:,} that most {kind}s have are the dimensions (tf-idf, length 1)",
    ]
    parts += [f"the words are also the attribute {source.text}"] if source.text else []
    parts += [f"with their counts they are the attribute {source.counts}"] if source.counts else []
    return "; ".join(parts)


def _joined(spec: DumpSpec) -> Iterator[str]:
    for node_type in spec.node_types:
        space = spec.key_space(node_type)
        if space in known_spaces():
            yield f"{node_type} on keys of {space}: {known_spaces()[space].description}"
        elif node_type in spec.keys:
            yield f"{node_type} on keys of {space}"
    for key_map in spec.key_maps:
        keys = " and ".join(f"`{column}` ({space})" for space, column in key_map.keys.items())
        yield f"{keys} of {file_name(spec, key_map.file)} are keys of one thing"
    for node_type, attributes in spec.match_names.items():
        yield f"{node_type} also by {' and '.join(attributes)}, where only one on each side has it"


def _left_out(spec: DumpSpec) -> Iterator[str]:
    for name, keep in spec.filters.lists.items():
        yield f"{name} that `{keep.key}` of {file_name(spec, keep.file or '')} does not name"
    for entry_id, entry in spec.files.items():
        name = file_name(spec, entry_id)
        for rule in entry.exclude:
            yield f"rows of {name} whose `{rule.column}` is a `{rule.key}` of {file_name(spec, rule.file)}"
        if entry.max_dropped is not None:
            yield f"up to {entry.max_dropped * 100:g} % of the rows of {name}, if they cannot be used"
        if entry.ragged == "drop":
            fits = (
                "do not fit the pattern"
                if entry.resolved_format == "pattern"
                else "have too few or many fields"
            )
            yield f"lines of {name} that {fits}"
        if isinstance(entry.nulls, dict):
            for column, values in entry.nulls.items():
                yield f"`{column}` of {name} where it is {' or '.join(map(repr, values))}: that means unknown"
        elif entry.nulls:
            yield f"fields of {name} that are {' or '.join(map(repr, entry.nulls))}: that means unknown"
    times = [edge.time for edge in spec.edges if edge.time]
    times += [spec.assignments.time] if spec.assignments and spec.assignments.time else []
    for day in sorted({time.not_before for time in times if time.not_before}):
        yield f"times before {day}: they become unknown"
