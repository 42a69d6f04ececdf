"""``graph.json``: the typed table of contents of a graph folder, and the names of the files beside it."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hetmusic._io import read_json
from hetmusic.errors import DataError, GraphFormatError, did_you_mean
from hetmusic.graph.types import EdgeType

#: the version this code writes, and the newest one it reads
FORMAT_VERSION = 1
META_FILE = "graph.json"
ASSIGNMENTS_FILE = "assignments/tags.parquet"
#: kind of an assigned tag (also its node type) -> the relation that is aggregated from the assignments
TAG_RELATIONS = {"genre": "has_genre", "emotion": "evokes", "tag": "has_tag"}

# a single underscore at a time, because "__" separates the parts of an edge type
_TYPE_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
# no dot, because "<modality>.present.npy" must not be the values file of a modality called "<x>.present"
_MODALITY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RelationInfo(_Strict):
    """What the ontology says about a relation that the graph uses."""

    #: name of the same relation seen from the other end; null for a symmetric one
    inverse: str | None = None
    #: whether (a, b) implies (b, a); such a relation is stored once per unordered pair, src <= dst
    symmetric: bool = False
    #: what the weight of an edge counts, e.g. ``number of plays``; null if edges have no weight
    weight: str | None = None


class ModalityInfo(_Strict):
    """Shape of a modality, so that a listing need not open its arrays."""

    dim: int = Field(ge=1)
    #: NumPy name of the element type, e.g. ``float32``
    dtype: str
    #: number of nodes that have the modality
    present: int = Field(ge=0)


class RawFile(_Strict):
    """A raw file the graph was built from; its folder is left out: it says nothing to anybody else."""

    name: str
    bytes: int = Field(ge=0)
    sha256: str


class Counts(_Strict):
    """Rows of every file, by node type, edge type (``src__relation__dst``) and kind of tag."""

    nodes: dict[str, int]
    edges: dict[str, int]
    assignments: dict[str, int] = {}


class Addition(_Strict):
    """What a finished graph was given beside features, and how it was before."""

    hetmusic_version: str
    #: tables that were replaced -> where the old ones are kept, both as paths inside the folder
    replaced: dict[str, str] = {}
    #: tables that were not there before
    made: list[str] = []
    #: rows of every file, and relations, before
    counts: Counts
    relations: dict[str, RelationInfo]
    #: node type -> modalities that belong to it
    modalities: dict[str, list[str]] = {}
    #: what made it: sources, weights, models
    settings: dict[str, Any] = {}


class GraphMeta(_Strict):
    """The content of ``graph.json``."""

    format_version: int
    hetmusic_version: str
    name: str
    #: title, licence, citation: how to name the data set
    about: dict[str, str] = {}
    #: node type that is recommended
    item: str
    #: relation between users and items that is predicted, e.g. ``likes``; null for a graph without users
    interaction: str | None
    #: every relation of the graph, stored or aggregated from the assignments
    relations: dict[str, RelationInfo]
    counts: Counts
    #: node type -> modality -> shape
    modalities: dict[str, dict[str, ModalityInfo]] = {}
    #: SHA-256 of every data file, by its path inside the folder
    files: dict[str, str]
    provenance: list[RawFile] = []
    #: what building dropped or repaired, with counts
    build_report: dict[str, Any] = {}
    #: what was added to the finished graph, by name
    additions: dict[str, Addition] = {}

    @property
    def user(self) -> str:
        """Node type that recommendations are made for: the source of the interaction.

        :raises DataError: if the graph has no users.
        """
        require_interaction(self)
        edge_types = map(EdgeType.parse, self.counts.edges)
        return next(t.src for t in edge_types if t.relation == self.interaction and t.dst == self.item)

    @property
    def checksum(self) -> str:
        """SHA-256 over nodes, edges and assignments; adding or replacing features does not change it."""
        lines = [f"{path} {digest}\n" for path, digest in sorted(self.files.items())]
        own = [line for line in lines if not line.startswith("features/")]
        return hashlib.sha256("".join(own).encode()).hexdigest()


def require_interaction(meta: GraphMeta) -> None:
    """Check that there is something to recommend from.

    :raises DataError: if the graph has no users, as that of a data set which describes music alone.
    """
    if meta.interaction is None:
        raise DataError(
            f"graph {meta.name} has no users and no interactions, so nothing can be recommended from it; "
            "build it together with a data set of listeners"
        )


def nodes_file(node_type: str) -> str:
    """Path of a node table inside the graph folder."""
    return f"nodes/{node_type}.parquet"


def edges_file(edge_type: EdgeType) -> str:
    """Path of an edge table inside the graph folder."""
    return f"edges/{edge_type}.parquet"


def modality_files(node_type: str, modality: str) -> tuple[str, str, str]:
    """Paths of a modality's values, presence mask and description inside the graph folder."""
    stem = f"features/{node_type}/{modality}"
    return f"{stem}.npy", f"{stem}.present.npy", f"{stem}.json"


def is_type_name(text: str) -> bool:
    """Whether a text can name a node type or relation: lower case, digits and single underscores."""
    return _TYPE_NAME.fullmatch(text) is not None


def is_modality_name(text: str) -> bool:
    """Whether a text can name a modality: letters, digits, ``_`` and ``-``."""
    return _MODALITY_NAME.fullmatch(text) is not None


def read_meta(folder: Path) -> GraphMeta:
    """Read and check ``graph.json``.

    :raises GraphFormatError: if the file is missing, damaged, of a newer format version, or has a field that
        is unknown, missing or of the wrong type; the message names the file and the field.
    """
    path = Path(folder) / META_FILE
    if not Path(folder).is_dir():
        raise GraphFormatError(f"{folder} is not a graph: no such folder")
    if not path.is_file():
        raise GraphFormatError(f"{folder} is not a graph folder: {META_FILE} is missing")
    value = read_json(path, GraphFormatError)
    _check_version(path, value)
    try:
        meta = GraphMeta.model_validate(value)
    except ValidationError as problem:
        raise GraphFormatError(f"{path}: {_first_problem(problem)}") from None
    _check_references(path, meta)
    return meta


def _check_version(path: Path, value: Any) -> None:
    version = value.get("format_version") if isinstance(value, dict) else None
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise GraphFormatError(f"{path}: field format_version is missing or not a positive number")
    if version > FORMAT_VERSION:
        raise GraphFormatError(
            f"{path}: field format_version is {version}, newer than the {FORMAT_VERSION} that this "
            "hetmusic reads; upgrade hetmusic or build the graph again"
        )


def _first_problem(problem: ValidationError) -> str:
    error = problem.errors()[0]
    field = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        hint = did_you_mean(str(error["loc"][-1]), GraphMeta.model_fields)
        return f"unknown field {field!r}{hint}"
    return f"field {field!r}: {error['msg'][0].lower()}{error['msg'][1:]}"


def _check_references(path: Path, meta: GraphMeta) -> None:
    """Check that names inside ``graph.json`` agree with each other."""
    if meta.item not in meta.counts.nodes:
        raise GraphFormatError(
            f"{path}: field 'item' names {meta.item!r}, which is no node type of counts.nodes"
        )
    for text in meta.counts.edges:
        try:
            edge_type = EdgeType.parse(text)
        except ValueError as error:
            raise GraphFormatError(f"{path}: field 'counts.edges': {error}") from None
        if missing := {edge_type.src, edge_type.dst} - meta.counts.nodes.keys():
            raise GraphFormatError(
                f"{path}: field 'counts.edges.{text}': no node type {sorted(missing)[0]!r}"
            )
        if edge_type.relation not in meta.relations:
            raise GraphFormatError(
                f"{path}: field 'relations' lacks {edge_type.relation!r} of counts.edges.{text}"
            )
    for kind in meta.counts.assignments:
        if (
            kind not in TAG_RELATIONS
            or kind not in meta.counts.nodes
            or TAG_RELATIONS[kind] not in meta.relations
        ):
            raise GraphFormatError(
                f"{path}: field 'counts.assignments.{kind}': no such node type or relation"
            )
    found = [EdgeType.parse(text) for text in meta.counts.edges]
    if meta.interaction is None:
        return
    if not any(t.relation == meta.interaction and t.dst == meta.item for t in found):
        raise GraphFormatError(
            f"{path}: field 'interaction': no {meta.interaction!r} edges towards {meta.item!r}"
        )
