"""What a raw dump is made of: files and their columns, and the nodes, edges and tag assignments in them.

The specification is YAML; ``docs/file_formats.md`` describes every key, ``kg_schema/dumps/`` holds those of
public data sets. Values that name a column are texts; what is left out has the default given here.
"""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator

from kg_schema.catalogue import builtin_names, dump_names, find_dump
from kg_schema.dump_downloads import Download
from kg_schema.dump_files import FileSpec, ScalarType, Texts
from kg_schema.filters import Filters
from kg_schema.key_spaces import WORD_SPACES, KeyMap
from kg_schema.models import SpecModel, mistake
from kg_schema.yaml_file import YamlFile

__all__ = ["DumpSpec", "builtin_names", "dump_names"]

TagKind = Literal["genre", "emotion", "tag"]
#: what to do about an unknown end of an edge: refuse the dump, drop and count the row, leave it out since many are
#: expected to be unknown, or create the node
OnUnknown = Literal["error", "drop", "ignore", "create"]

TAG_KINDS: tuple[TagKind, ...] = ("genre", "emotion", "tag")


def _column_or_model(value: Any) -> Any:
    """Let a plain column name stand for ``{column: name}``."""
    return {"column": value} if isinstance(value, str) else value


class TimeSpec(SpecModel):
    """Where the time of a row stands: one column with a unit, or columns for year, month and day."""

    column: str | None = None
    #: seconds or milliseconds since 1970-01-01 UTC, or ISO 8601 text (UTC unless it says otherwise)
    unit: Literal["s", "ms", "iso"] = "s"
    year: str | None = None
    month: str | None = None
    day: str | None = None
    #: earlier times cannot be true: they become unknown and are counted as repaired
    not_before: datetime.date | None = None

    @model_validator(mode="after")
    def _one_form(self) -> TimeSpec:
        parts = [self.year, self.month, self.day]
        if (self.column is None) != all(part is not None for part in parts) or (self.column and any(parts)):
            raise mistake("give either `column` or all of `year`, `month` and `day`")
        return self

    @property
    def columns(self) -> list[str]:
        """The columns that are needed."""
        return [c for c in (self.column, self.year, self.month, self.day) if c is not None]


class AttributeSpec(SpecModel):
    """A column that becomes an attribute of a node."""

    column: str
    dtype: ScalarType = "str"


def parse_match(texts: list[str]) -> dict[str, list[str]]:
    """Read ``artist`` or ``song:name+artist``: node type and the attributes to compare, by default the name."""
    found = {}
    for text in texts:
        node_type, _, attributes = text.partition(":")
        found[node_type] = attributes.split("+") if attributes else ["name"]
    return found


def _match_names(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(text, str) for text in value):
        return parse_match(value)
    return value


MatchNames = Annotated[dict[str, list[str]], BeforeValidator(_match_names)]
TimeField = Annotated[TimeSpec, BeforeValidator(_column_or_model)]
AttributeField = Annotated[AttributeSpec, BeforeValidator(_column_or_model)]


class NodeSource(SpecModel):
    """A file in which nodes of a type are found. Sources are united; of several values the first wins."""

    file: str
    key: str
    name: str | None = None
    attributes: dict[str, AttributeField] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _no_reserved_attributes(self) -> NodeSource:
        for attribute in self.attributes:
            if attribute in ("key", "name"):
                raise mistake("every node has this column; choose another name", "attributes", attribute)
        return self

    @property
    def columns(self) -> list[str]:
        """The columns that are needed."""
        name = [self.name] if self.name else []
        return [self.key, *name, *(a.column for a in self.attributes.values())]


class EdgeSource(SpecModel):
    """A file whose rows are edges of one relation."""

    relation: str
    file: str
    src: str
    dst: str
    #: needed only where the ontology and the node types of the dump leave a choice
    src_type: str | None = None
    dst_type: str | None = None
    weight: str | None = None
    #: whether the weight is the number of rows of the pair, as in a log with one row per play
    count_rows: bool = False
    time: TimeField | None = None
    on_unknown: OnUnknown = "drop"
    #: whether only those are taken whose source has no edge of this relation from the files before
    fill: bool = False

    @model_validator(mode="after")
    def _one_weight(self) -> EdgeSource:
        if self.weight and self.count_rows:
            raise mistake("the weight is either a column or the number of rows", "count_rows")
        return self

    @property
    def columns(self) -> list[str]:
        """The columns that are needed."""
        weight = [self.weight] if self.weight else []
        return [self.src, self.dst, *weight, *(self.time.columns if self.time else [])]


class TagNames(SpecModel):
    """A file that says which text a tag id stands for."""

    file: str
    key: str
    value: str

    @property
    def columns(self) -> list[str]:
        """The columns that are needed."""
        return [self.key, self.value]


class AssignmentSource(SpecModel):
    """A file whose rows say that a user gave a tag to an item."""

    file: str
    user: str
    item: str
    #: column with the tag's text, or its id where ``tag_names`` is given
    tag: str
    tag_names: TagNames | None = None
    time: TimeField | None = None
    on_unknown: OnUnknown = "drop"
    #: what tags are split into; without ``genre``, genres stay tags, and likewise for ``emotion``
    kinds: list[TagKind] = Field(default_factory=lambda: [*TAG_KINDS])

    @model_validator(mode="after")
    def _rest_has_a_place(self) -> AssignmentSource:
        if "tag" not in self.kinds or len(set(self.kinds)) != len(self.kinds):
            raise mistake("lists each kind once and always holds `tag`, where other words go", "kinds")
        return self

    @property
    def columns(self) -> list[str]:
        """The columns that are needed."""
        return [self.user, self.item, self.tag, *(self.time.columns if self.time else [])]


class TagSource(SpecModel):
    """A file that says which tags something has, but not who gave them."""

    file: str
    #: node type of what has the tags; by default the recommended one
    type: str | None = None
    #: column with its key
    item: str
    #: column with the tag's text
    tag: str
    weight: str | None = None
    #: what tags are split into, as for assignments; of one kind alone every word is one, known or not
    kinds: list[TagKind] = Field(default_factory=lambda: [*TAG_KINDS])
    on_unknown: OnUnknown = "drop"

    @model_validator(mode="after")
    def _rest_has_a_place(self) -> TagSource:
        alone = self.kinds in (["genre"], ["tag"])
        if len(set(self.kinds)) != len(self.kinds) or not ("tag" in self.kinds or alone):
            raise mistake(
                "lists each kind once, and is `[genre]` or holds `tag`, where other words go", "kinds"
            )
        return self

    @property
    def columns(self) -> list[str]:
        """The columns that are needed."""
        return [self.item, self.tag, *([self.weight] if self.weight else [])]


class FeatureSource(SpecModel):
    """Files with a vector for each of some nodes: of numbers, or of the words that are counted for a node.

    Words become dimensions, the ``words`` that most nodes have, weighted by tf-idf and scaled to unit length.
    """

    #: read one after the other
    file: Texts
    key: str
    #: columns of numbers, one after the other; one of a reader may hold many
    columns: list[str] | None = Field(default=None, min_length=1)
    #: column with one word, of which a node has any number of rows
    word: str | None = None
    #: column with the count of the word
    weight: str | None = None
    #: largest number of words that become dimensions
    words: int = Field(default=1000, ge=1, le=100_000)
    #: attribute of the node in which its words are stored as a text, those with the largest values first
    text: str | None = None
    #: attribute in which they are stored with their counts, ``love:7 you:5``, the most frequent first
    counts: str | None = None

    @model_validator(mode="after")
    def _one_form(self) -> FeatureSource:
        if (self.columns is None) == (self.word is None):
            raise mistake("give either `columns` or `word`")
        if self.word is None and (extra := self.model_fields_set & {"weight", "words", "text", "counts"}):
            raise mistake("is for `word`", min(extra))
        for key in ("text", "counts"):
            if getattr(self, key) in ("key", "name"):
                raise mistake("every node has this column; choose another name", key)
        if self.text is not None and self.text == self.counts:
            raise mistake("`text` is called the same; choose another name", "counts")
        return self


class DumpSpec(SpecModel):
    """A data set: its raw files, and which nodes, edges and assignments they hold."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    title: str = ""
    licence: str = ""
    citation: str = ""
    #: where the data set is described and can be had
    homepage: str = ""
    #: what to download
    downloads: list[Download] = Field(default_factory=list)
    #: node type that is recommended
    item: str
    #: relation from users to items that recommendations predict; null for a data set without listeners
    interaction: str | None = "likes"
    files: dict[str, FileSpec] = Field(min_length=1)
    nodes: dict[str, list[NodeSource]] = Field(default_factory=dict)
    edges: list[EdgeSource] = Field(default_factory=list)
    assignments: AssignmentSource | None = None
    #: tags without the people who gave them
    tags: list[TagSource] = Field(default_factory=list)
    #: node type -> name of the modality -> where its vectors are
    features: dict[str, dict[str, FeatureSource]] = Field(default_factory=dict)
    #: node type -> key space of its keys, for joining with other dumps; by default this dump's own
    keys: dict[str, str] = Field(default_factory=dict)
    #: files that lead from one key space to another, for all dumps of a build
    key_maps: list[KeyMap] = Field(default_factory=list)
    #: node type -> attributes by which its nodes may be joined with those of other dumps, beside their keys
    match_names: MatchNames = Field(default_factory=dict)
    #: which part of the graph to keep
    filters: Filters = Field(default_factory=Filters)

    _source: Path | None = PrivateAttr(default=None)

    @property
    def source(self) -> Path | None:
        """The file that the specification was read from."""
        return self._source

    @classmethod
    def load(cls, name_or_path: str | Path) -> DumpSpec:
        """Read a specification and check it against the music ontology.

        :param name_or_path: one of :func:`dump_names`, or the path of a YAML file.
        :raises SchemaError: with file, line and key of the first mistake.
        """
        from kg_schema.dump_check import first_problem

        path = find_dump(name_or_path)
        document = YamlFile.read(path)
        spec = document.validate(cls)
        problem = first_problem(spec)
        if problem is not None:
            document.fail(problem.location, problem.message)
        spec._source = path
        return spec

    @property
    def node_types(self) -> list[str]:
        """Types that have nodes: the declared ones and, after them, those that assignments and tags create."""
        return [*self.nodes, *sorted(set(self.tag_kinds) - set(self.nodes))]

    @property
    def tag_kinds(self) -> list[TagKind]:
        """The kinds of nodes that assignments and tags create."""
        found = [
            *(self.assignments.kinds if self.assignments else []),
            *(k for t in self.tags for k in t.kinds),
        ]
        return [kind for kind in TAG_KINDS if kind in found]

    def is_log(self, file: str) -> bool:
        """Whether a row of the file is one event, so that it is their nature to repeat what others say."""
        return any(edge.file == file and edge.count_rows for edge in self.edges)

    def key_space(self, node_type: str) -> str:
        """The key space of the nodes of a type: the stated one, else the words, else the dump's own, ``NAME/TYPE``.

        Genres, emotions and tags have words as keys, unless the dump gives them a name beside the key.
        """
        if node_type in self.keys:
            return self.keys[node_type]
        sources = self.nodes.get(node_type, [])
        numbered = any(source.name not in (None, source.key) for source in sources)
        if node_type == "tag" and not sources:
            numbered = self.assignments is not None and self.assignments.tag_names is not None
        own = f"{self.name}/{node_type}"
        return own if numbered else WORD_SPACES.get(node_type, own)

    def leads_to(self, file: str, key: str) -> bool:
        """Whether the rows of a file lead to the nodes of a column, so that many rows name one of them."""
        return any(edge.file == file and edge.dst == key for edge in self.edges)
