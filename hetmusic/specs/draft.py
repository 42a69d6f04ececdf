"""A first specification: which node types, relations and tags the tables give, from what their columns mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from hetmusic.errors import DataError
from hetmusic.specs.meaning import ITEMS, Meaning, space_of, unlike
from kg_schema.key_spaces import known_spaces
from kg_schema.ontology import Ontology

_TAGS = {"tag": "has_tag", "genre": "has_genre", "emotion": "evokes"}
#: (source, destination) -> relation, for rows without a user
_FACTS = {
    ("song", "artist"): "sung_by",
    ("song", "album"): "on_album",
    ("album", "artist"): "released_by",
    **{(item, kind): relation for item in ITEMS for kind, relation in _TAGS.items()},
}
_ORDER = ("user", *ITEMS, *_TAGS)
_LISTS = r"[|;,/]"
_MANY_LISTS = 0.2
_NOTHING = (
    "no column was recognised as that of songs, artists or albums: name the columns so that one can tell, such as "
    "user_id, song_id, artist_name, plays"
)


@dataclass
class Entry:
    """One entry of a list in the specification, with what is doubtful about it."""

    values: dict[str, Any]
    doubts: list[str] = field(default_factory=list)


@dataclass
class Draft:
    """What the specification will say."""

    item: str
    interaction: str | None
    files: list[Meaning] = field(default_factory=list)
    nodes: dict[str, list[Entry]] = field(default_factory=dict)
    edges: list[Entry] = field(default_factory=list)
    assignments: Entry | None = None
    #: node type -> key space
    spaces: dict[str, str] = field(default_factory=dict)
    #: what was not used, and why
    left: list[str] = field(default_factory=list)


def draft(meanings: Sequence[Meaning], ontology: Ontology) -> Draft:
    """Put together what the tables say.

    :raises DataError: if nothing in them can be recommended.
    """
    plays = [meaning for meaning in meanings if _is_interaction(meaning)]
    item = max(plays, key=lambda meaning: meaning.table.rows).item if plays else _item_without_users(meanings)
    made = Draft(item, "likes" if plays else None)
    _edges(made, meanings, ontology)
    _assign(made, meanings)
    _nodes(made, meanings)
    if item not in made.nodes:
        raise DataError(_NOTHING)
    used = _files_of(made)
    for meaning in meanings:
        if meaning.table.id in used:
            made.files.append(meaning)
        else:
            made.left.append(
                f"{meaning.table.path}: no column says what it is about ({', '.join(meaning.table.columns)})"
            )
    _spaces(made)
    return made


def _is_interaction(meaning: Meaning) -> bool:
    tagged = any(kind in meaning.keys for kind in _TAGS) and "plays" not in meaning.measures
    return "user" in meaning.keys and bool(meaning.item) and not tagged


def _item_without_users(meanings: Iterable[Meaning]) -> str:
    for item in ITEMS:
        if any(item in meaning.keys for meaning in meanings):
            return item
    raise DataError(_NOTHING)


def _edges(made: Draft, meanings: Sequence[Meaning], ontology: Ontology) -> None:
    found: list[tuple[Meaning, str, str, str, str, str]] = []
    for meaning in meanings:
        keys, others = meaning.keys, meaning.others
        if _is_interaction(meaning):
            found.append((meaning, "user", "likes", meaning.item, keys["user"], keys[meaning.item]))
        elif "user" in others and not meaning.item:
            found.append((meaning, "user", "friends", "user", keys["user"], others["user"]))
        for kind in ("song", "artist"):
            if kind in others and "user" not in keys:
                found.append((meaning, kind, "similar_to", kind, keys[kind], others[kind]))
    for meaning in sorted(meanings, key=lambda meaning: not meaning.own):
        for (src, dst), relation in _FACTS.items():
            if _states(meaning, src, dst) and not any(edge[1:4] == (src, relation, dst) for edge in found):
                if _has_lists(meaning, dst):
                    text = f"{meaning.keys[dst]!r} seems to hold several {dst}s in one field, which cannot be taken apart"
                    made.left.append(f"{meaning.table.path}: {text}")
                else:
                    found.append((meaning, src, relation, dst, meaning.keys[src], meaning.keys[dst]))
    weighted = {edge[1:4] for edge in found if _weight(edge[0], edge[2], ontology)}
    for meaning, src, relation, dst, *ends in found:
        entry = Entry({"relation": relation, "file": meaning.table.id, "src": ends[0], "dst": ends[1]})
        allowed = ontology.relation(relation)
        entry.values |= {"src_type": src} if len(allowed.domain) > 1 else {}
        entry.values |= {"dst_type": dst} if len(allowed.range) > 1 else {}
        weight = _weight(meaning, relation, ontology)
        if not weight and (src, relation, dst) in weighted:
            weight = {"count_rows": True}
        entry.values |= weight | (_time(meaning) if allowed.time else {})
        if weight.get("weight") == meaning.measures.get("rating"):
            entry.doubts += ["the weight is a rating, not a number of plays"] if weight.get("weight") else []
        entry.doubts += _doubts(meaning, [*ends, *meaning.measures.values()])
        made.edges.append(entry)


def _states(meaning: Meaning, src: str, dst: str) -> bool:
    """Whether each row says of which artist, album or genre something is."""
    if src not in meaning.keys or dst not in meaning.keys or meaning.keys[src] == meaning.keys[dst]:
        return False
    if "user" in meaning.keys:
        return src == "song" and dst in ("artist", "album") and _is_interaction(meaning)
    return meaning.own in ("", src)


def _has_lists(meaning: Meaning, kind: str) -> bool:
    if kind not in _TAGS:
        return False
    values = meaning.column(meaning.keys[kind]).values.drop_nulls()
    share = values.str.contains(_LISTS).mean()
    return isinstance(share, float) and share > _MANY_LISTS


def _weight(meaning: Meaning, relation: str, ontology: Ontology) -> dict[str, Any]:
    if ontology.relation(relation).weight is None:
        return {}
    if relation == "similar_to":
        return {"weight": meaning.measures["similarity"]} if "similarity" in meaning.measures else {}
    column = meaning.measures.get("plays") or (
        meaning.measures.get("rating") if relation == "likes" else None
    )
    if column:
        numbers = meaning.column(column).values.drop_nulls().cast(pl.Float64)
        complete = len(numbers) == meaning.table.rows
        return {"weight": column} if complete and bool((numbers >= 0).all()) else {}
    if relation != "likes":
        return {}
    pair = [meaning.keys["user"], meaning.keys[meaning.item]]
    rows = pl.DataFrame([meaning.column(name).values for name in dict.fromkeys(pair)]).drop_nulls()
    return {"count_rows": True} if rows.n_unique() < rows.height else {}


def _time(meaning: Meaning) -> dict[str, Any]:
    if meaning.date:
        return {"time": dict(zip(("year", "month", "day"), meaning.date, strict=True))}
    column = meaning.measures.get("time")
    if column is None:
        return {}
    unit = meaning.column(column).time_unit
    return {"time": column if unit == "s" else {"column": column, "unit": unit}}


def _assign(made: Draft, meanings: Sequence[Meaning]) -> None:
    for meaning in meanings:
        kind = next((kind for kind in _TAGS if kind in meaning.keys), "")
        if "user" not in meaning.keys or not kind or _is_interaction(meaning) or not meaning.item:
            continue
        if meaning.item != made.item or made.assignments is not None or made.interaction is None:
            made.left.append(
                f"{meaning.table.path}: only one table of tags can be read, of {made.item}s that users play"
            )
            continue
        values: dict[str, Any] = {"file": meaning.table.id, "user": meaning.keys["user"]}
        values |= {"item": meaning.keys[meaning.item], "tag": meaning.keys[kind]}
        names = next(
            (m for m in meanings if m.own == kind and kind in m.names and m.names[kind] != m.keys[kind]), None
        )
        if names is not None:
            values["tag_names"] = {
                "file": names.table.id,
                "key": names.keys[kind],
                "value": names.names[kind],
            }
        made.assignments = Entry(values | _time(meaning), _doubts(meaning, meaning.used))
    if made.assignments is not None:
        declared = {entry.values["relation"] for entry in made.edges}
        if declared & set(_TAGS.values()):
            made.edges = [entry for entry in made.edges if entry.values["relation"] != "has_tag"]
            kinds = [
                kind
                for kind, relation in reversed(_TAGS.items())
                if relation not in declared or kind == "tag"
            ]
            made.assignments.values["kinds"] = kinds


def _nodes(made: Draft, meanings: Sequence[Meaning]) -> None:
    by_id = {meaning.table.id: meaning for meaning in meanings}
    ends: dict[str, list[tuple[Meaning, str]]] = {kind: [] for kind in _ORDER}
    for entry in made.edges:
        meaning = by_id[entry.values["file"]]
        for column in (entry.values["src"], entry.values["dst"]):
            kinds = [kind for kind in _ORDER if column in (meaning.keys.get(kind), meaning.others.get(kind))]
            ends[kinds[0]].append((meaning, column))
    assigned: list[str] = []
    if made.assignments is not None:
        values = made.assignments.values
        meaning = by_id[values["file"]]
        ends["user"].append((meaning, values["user"]))
        ends[made.item].append((meaning, values["item"]))
        assigned = values.get("kinds", ["genre", "emotion", "tag"])
    for kind in _ORDER:
        tables = [meaning for meaning in meanings if meaning.own == kind]
        tables = _connected(made, kind, tables, ends[kind])
        if kind in assigned or not (ends[kind] or (tables and kind in ("user", *ITEMS))):
            continue
        made.nodes[kind] = [_described(meaning, kind) for meaning in tables]
        _agree(made.nodes[kind])
        _add_ends(made, kind, tables, ends[kind])


def _connected(
    made: Draft, kind: str, tables: Sequence[Meaning], ends: Iterable[tuple[Meaning, str]]
) -> list[Meaning]:
    """The tables that describe nodes that edges lead to: ids of other kinds would only make nodes of their own."""
    ids = {meaning.table.id for meaning in tables}
    used = [meaning.column(column).values for meaning, column in ends if meaning.table.id not in ids]
    if not used:
        return list(tables)
    needed = pl.concat(used).drop_nulls().unique()
    fits = [
        meaning
        for meaning in tables
        if meaning.column(meaning.keys[kind]).values.is_in(needed.implode()).any()
    ]
    for meaning in tables:
        if meaning not in fits:
            made.left.append(
                f"{meaning.table.path}: its {kind}s have other ids than those that are used elsewhere"
            )
    return fits


def _described(meaning: Meaning, kind: str) -> Entry:
    """The rows of a table as nodes, with names and attributes."""
    key = meaning.keys[kind]
    values: dict[str, Any] = {"file": meaning.table.id, "key": key}
    if kind in meaning.names:
        values["name"] = meaning.names[kind]
    dtypes = {"int": "int", "float": "float", "bool": "bool"}
    attributes: dict[str, Any] = {}
    linked = {column for other, column in meaning.keys.items() if other != kind}
    for name, column in meaning.table.columns.items():
        nameless = name in meaning.table.options.get("columns", ())
        numbers = name == "rowid" and "table" in meaning.table.options
        if name in {key, values.get("name"), *linked} or column.kind == "blank" or nameless or numbers:
            continue
        attribute = f"{kind}_{name}" if name in ("key", "name") else name
        dtype = dtypes.get(column.kind)
        attributes[attribute] = {"column": name, "dtype": dtype} if dtype else name
    values |= {"attributes": attributes} if attributes else {}
    entry = Entry(values, _doubts(meaning, [key]))
    if not meaning.column(key).unique:
        entry.doubts.append(f"{key!r} is repeated or blank in some rows")
    return entry


def _agree(entries: Sequence[Entry]) -> None:
    """Attributes that tables disagree about become texts."""
    kinds: dict[str, set[str]] = {}
    for attributes in (entry.values.get("attributes", {}) for entry in entries):
        for name, value in attributes.items():
            kinds.setdefault(name, set()).add("str" if isinstance(value, str) else value["dtype"])
    for attributes in (entry.values.get("attributes", {}) for entry in entries):
        for name, value in attributes.items():
            if len(kinds[name]) > 1 and not isinstance(value, str):
                attributes[name] = value["column"]


def _add_ends(made: Draft, kind: str, tables: Sequence[Meaning], ends: Iterable[tuple[Meaning, str]]) -> None:
    """Nodes that only edges know: all of them, if no table describes nodes of the type; of users, also the others."""
    described = [meaning.column(meaning.keys[kind]).values for meaning in tables]
    known = pl.concat(described).drop_nulls() if described else None
    seen = {(meaning.table.id, meaning.keys[kind]) for meaning in tables}
    for meaning, column in ends:
        if (meaning.table.id, column) in seen:
            continue
        seen.add((meaning.table.id, column))
        more = 0 if known is None else unlike(meaning.column(column).values, known)
        values: dict[str, Any] = {"file": meaning.table.id, "key": column}
        name = meaning.names.get(kind)
        if name and name != column and column == meaning.keys.get(kind):
            values["name"] = name
        if known is None:
            made.nodes[kind].append(Entry(values, _doubts(meaning, [column])))
        elif more and kind == "user":
            made.nodes[kind].append(Entry(values, [f"{more:,} users occur here only"]))
        elif more:
            text = f"{more:,} {kind}s of {column!r} are described nowhere; rows with them will be dropped"
            made.left.append(f"{meaning.table.path}: {text}")


def _spaces(made: Draft) -> None:
    """Key spaces that keys cannot be mistaken for."""
    by_id = {meaning.table.id: meaning for meaning in made.files}
    for kind, entries in made.nodes.items():
        columns = [by_id[entry.values["file"]].column(entry.values["key"]) for entry in entries]
        for name, space in known_spaces().items():
            if space.type == kind and all(space_of(column, name) for column in columns):
                made.spaces[kind] = name


def _files_of(made: Draft) -> set[str]:
    entries = [*made.edges, *(entry for found in made.nodes.values() for entry in found)]
    used = {entry.values["file"] for entry in entries}
    if made.assignments is not None:
        used.add(made.assignments.values["file"])
        used |= {names["file"]} if (names := made.assignments.values.get("tag_names")) else set()
    return used


def _doubts(meaning: Meaning, columns: Iterable[str]) -> list[str]:
    return [f"{name}: {meaning.doubts[name]}" for name in dict.fromkeys(columns) if name in meaning.doubts]
