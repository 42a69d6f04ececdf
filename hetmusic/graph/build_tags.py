"""Tag assignments, with tags split into genres, emotions and other tags by the vocabularies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from hetmusic.graph.build_edges import End, EndMapper
from hetmusic.graph.build_nodes import NodeTable
from hetmusic.graph.build_report import LINE, Notes, TagSplit
from hetmusic.graph.raw import RawFiles
from hetmusic.graph.raw.values import times
from kg_schema.dump import TAG_KINDS, AssignmentSource, TagKind, TagNames
from kg_schema.vocab import EmotionVocabulary, GenreVocabulary


@dataclass(frozen=True)
class TagGraph:
    """What the tags of a dump become."""

    #: node tables by kind: genre, emotion, tag
    nodes: Mapping[str, NodeTable]
    #: columns user, item, kind, tag (index into the nodes of that kind), time; unique
    assignments: pl.DataFrame


def build_tags(
    source: AssignmentSource,
    item: str,
    nodes: Mapping[str, NodeTable],
    files: RawFiles,
    notes: Notes,
    more: pl.DataFrame,
) -> TagGraph:
    """Read who gave which tag to which item, and make the nodes of the tags that occur.

    :param more: columns ``key``, ``text``, ``kind``, ``node`` of tags that are known without people.
    """
    rows = _read(source, item, nodes, files, notes)
    texts = _texts(source, files, rows, notes)
    rows = _drop_unknown(rows, texts, source, files, notes)
    splitter = TagSplitter(source.kinds)
    split = splitter.split(texts.join(rows.select("key").unique(), on="key", how="semi"))
    rows = rows.join(split.select("key", "kind", "node"), on="key", how="left")
    tables = tag_nodes(source.kinds, pl.concat([split, more]))
    parts = []
    for kind in source.kinds:
        of_kind = rows.filter(pl.col("kind") == kind)
        part = _assignments(of_kind, tables[kind])
        parts.append(part)
        notes.report.tags[kind] = TagSplit(
            tags=split.filter(pl.col("kind") == kind).height,
            nodes=tables[kind].table.height,
            rows=of_kind.height,
            assignments=part.height,
        )
    return TagGraph(tables, pl.concat(parts).sort("user", "item", "kind", "tag"))


def tag_nodes(kinds: Iterable[TagKind], split: pl.DataFrame) -> dict[str, NodeTable]:
    """The nodes of tags by kind: of those given and of those that occur.

    :param split: columns ``key``, ``text``, ``kind``, ``node``, with a tag perhaps more than once.
    """
    found = set(split["kind"].unique())
    wanted: list[TagKind] = [kind for kind in TAG_KINDS if kind in found or kind in set(kinds)]
    splitter = TagSplitter(wanted)
    return {kind: splitter.nodes(kind, split) for kind in wanted}


class TagSplitter:
    """Tells genres and emotions from other tags, and knows what the vocabularies say about their nodes."""

    def __init__(self, kinds: Iterable[TagKind]) -> None:
        """Load the vocabularies of the kinds that are wanted."""
        self.kinds = tuple(kinds)
        self._genres = GenreVocabulary.load() if "genre" in self.kinds else None
        self._emotions = EmotionVocabulary.load() if "emotion" in self.kinds else None

    def kind_and_node(self, key: str, text: str) -> tuple[TagKind, str]:
        """The kind of a tag and the key of the node it becomes.

        :param key: the tag's own key, which is that of its node if it is neither genre nor emotion.
        """
        if self._genres is not None and (name := self._genres.lookup(text)) is not None:
            return "genre", name
        if self._emotions is not None and (name := self._emotions.lookup(text)) is not None:
            return "emotion", name
        if self.kinds == ("genre",):  # whatever stands in a list of genres is one
            return "genre", " ".join(text.replace("_", " ").casefold().split())
        return "tag", key

    def split(self, tags: pl.DataFrame) -> pl.DataFrame:
        """Add ``kind`` and ``node`` to columns ``key`` and ``text``."""
        found = [self.kind_and_node(key, text) for key, text in tags.select("key", "text").iter_rows()]
        schema = {"kind": pl.String(), "node": pl.String()}
        return tags.hstack(pl.DataFrame(found, schema, orient="row"))

    def nodes(self, kind: TagKind, split: pl.DataFrame) -> NodeTable:
        """The nodes of one kind: genres with their parent, emotions with valence and arousal."""
        tags = split.filter(pl.col("kind") == kind)
        if kind == "tag":
            first = tags.unique("key", keep="first", maintain_order=True)
            return NodeTable(kind, first.select("key", pl.col("text").alias("name")))
        names = tags["node"].unique().sort()
        table = pl.DataFrame({"key": names, "name": names}, {"key": pl.String, "name": pl.String})
        if kind == "genre" and self._genres is not None:
            known = self._genres.genres
            parents = [known[name].parent if name in known else None for name in names]
            table = table.with_columns(pl.Series("parent", parents, pl.String))
        if kind == "emotion" and self._emotions is not None:
            places = [self._emotions[name] for name in names]
            table = table.with_columns(
                pl.Series("valence", [place.valence for place in places], pl.Float64),
                pl.Series("arousal", [place.arousal for place in places], pl.Float64),
            )
        return NodeTable(kind, table)


def _read(
    source: AssignmentSource, item: str, nodes: Mapping[str, NodeTable], files: RawFiles, notes: Notes
) -> pl.DataFrame:
    """The rows with known user and item, as columns user, item, key (of the tag), time and LINE."""
    raw = files.source(source.file)
    mapper = EndMapper(raw.label, "assignments", source.on_unknown, notes)
    schema = {LINE: pl.Int64, "user": pl.Int32, "item": pl.Int32, "key": pl.String, "time": pl.Int64}
    parts = [pl.DataFrame(schema=schema)]
    for batch in files.batches(source.file):
        time = pl.repeat(None, batch.height, dtype=pl.Int64, eager=True)
        if source.time:
            time = times(raw, batch, source.time, "assignments")
        keys = {"k:user": batch[source.user], "k:item": batch[source.item], "key": batch[source.tag]}
        frame = pl.DataFrame({LINE: batch[LINE], **keys, "time": time})
        ends = [End("user", "k:user", nodes["user"]), End("item", "k:item", nodes[item])]
        frame = mapper.map(frame, ends)
        blank = frame.filter(pl.col("key").is_null())
        notes.add("dropped", "blank tag", blank, file=raw.label, part="assignments")
        parts.append(frame.drop_nulls("key").select(*schema))
    mapper.finish()
    return pl.concat(parts)


def _texts(source: AssignmentSource, files: RawFiles, rows: pl.DataFrame, notes: Notes) -> pl.DataFrame:
    """Columns ``key`` and ``text`` of every known tag, sorted by key."""
    if source.tag_names is None:
        keys = rows.select("key").unique()
        return keys.with_columns(pl.col("key").alias("text")).sort("key")
    return _named(source.tag_names, files, notes)


def _named(names: TagNames, files: RawFiles, notes: Notes) -> pl.DataFrame:
    raw = files.source(names.file)
    notes.reads(raw.label, "tag names")
    parts = [pl.DataFrame(schema={LINE: pl.Int64, "key": pl.String, "text": pl.String})]
    for batch in files.batches(names.file):
        parts.append(batch.select(LINE, pl.col(names.key).alias("key"), pl.col(names.value).alias("text")))
    table = pl.concat(parts)
    blank = table.filter(pl.any_horizontal(pl.col("key", "text").is_null()))
    notes.add("dropped", "blank tag", blank, file=raw.label, part="tag names")
    table = table.drop_nulls(["key", "text"])
    again = table.filter(~pl.col("key").is_first_distinct())
    notes.add("merged", "repeated tag", again, file=raw.label, part="tag names", value="key")
    return table.unique("key", keep="first").select("key", "text").sort("key")


def _drop_unknown(
    rows: pl.DataFrame, texts: pl.DataFrame, source: AssignmentSource, files: RawFiles, notes: Notes
) -> pl.DataFrame:
    unknown = rows.join(texts, on="key", how="anti", maintain_order="left")
    file = files.source(source.file).label
    notes.add("dropped", "unknown tag", unknown, file=file, part="assignments", value="key")
    return rows.join(texts.select("key"), on="key", how="semi", maintain_order="left")


def _assignments(rows: pl.DataFrame, table: NodeTable) -> pl.DataFrame:
    """Unique assignments of one kind; of several tags with one meaning, the earliest time counts."""
    rows = rows.with_columns(table.index_of(rows["node"]).alias("tag"))
    return rows.group_by("user", "item", "kind", "tag").agg(pl.col("time").min())
