"""Writing a graph folder: tables are checked, sorted, written beside the target and renamed at the end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hetmusic._io import replacing_folder, sha256, write_json
from hetmusic._version import __version__
from hetmusic.errors import DataError
from hetmusic.graph import tables
from hetmusic.graph.checks import IndexRanges, check_edges, check_nodes, check_symmetric, check_target
from hetmusic.graph.format import (
    ASSIGNMENTS_FILE,
    FORMAT_VERSION,
    META_FILE,
    TAG_RELATIONS,
    Counts,
    GraphMeta,
    RawFile,
    RelationInfo,
    edges_file,
    is_type_name,
    nodes_file,
)
from hetmusic.graph.modalities import write_modality
from hetmusic.graph.types import EdgeType


class RelationLike(Protocol):
    """What the writer needs to know of a relation."""

    @property
    def inverse(self) -> str | None:
        """Name of the inverse relation."""

    @property
    def symmetric(self) -> bool:
        """Whether the relation is its own inverse."""

    @property
    def weight(self) -> str | None:
        """What the weight of an edge counts."""


class OntologyLike(Protocol):
    """Anything that knows relations by name, e.g. :class:`kg_schema.ontology.Ontology`."""

    def relation(self, name: str) -> RelationLike:
        """The relation of that name."""


def sort_nodes(table: pl.DataFrame) -> pl.DataFrame:
    """Sort a node table into index order: by number if every key is one, else by code point.

    Numbers are compared by their length without leading zeros first, so that they may have any number of
    digits.
    """
    key = pl.col("key")
    if not table["key"].str.contains(r"^[0-9]+$").all():
        return table.sort("key")
    digits = key.str.strip_chars_start("0")
    return table.sort(digits.str.len_bytes(), digits, key)


class GraphWriter:
    """Collects node tables, edge tables and tag assignments into a graph folder.

    Use it as a context manager: an exception inside the block leaves nothing behind, and an existing folder
    that is being overwritten stays as it was until :meth:`finish`.
    """

    def __init__(self, path: str | Path, overwrite: bool = False) -> None:
        """Begin a graph folder.

        :raises UserError: if ``path`` exists and ``overwrite`` is false, or cannot be written.
        """
        check_target(Path(path), overwrite)
        self._stack = contextlib.ExitStack()
        self._folder = self._stack.enter_context(replacing_folder(Path(path), overwrite=overwrite))
        self._nodes: dict[str, int] = {}
        self._edges: dict[EdgeType, int] = {}
        self._kinds: dict[str, int] = {}
        self._ranges = IndexRanges()
        self._assigned_items = pl.Series("item", [], pl.Int32)
        self._unordered: dict[EdgeType, int] = {}
        self._modalities: dict[
            tuple[str, str], tuple[NDArray[Any], NDArray[np.integer[Any]], Mapping[str, Any]]
        ] = {}
        self._finished = False

    def __enter__(self) -> GraphWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and not self._finished:
            forgotten = RuntimeError("GraphWriter.finish() was not called, so no graph was written")
            self._stack.__exit__(RuntimeError, forgotten, None)
            raise forgotten
        if kind is not None:
            self._stack.__exit__(kind, error, trace)

    def nodes(self, node_type: str, table: pl.DataFrame) -> None:
        """Write a node table; row = node index, so it comes sorted already (see :func:`sort_nodes`).

        :param table: column ``key`` (unique), optionally ``name``, then any attributes.
        :raises DataError: if a key is null or occurs twice.
        """
        if not is_type_name(node_type):
            raise DataError(
                f"node type {node_type!r} must be lower-case letters, digits and single underscores"
            )
        if "name" not in table.columns:
            table = table.with_columns(pl.lit(None, pl.String).alias("name"))
        table = table.with_columns(pl.col("key", "name").cast(pl.String))
        check_nodes(node_type, table["key"])
        first = list(tables.NODE_COLUMNS)
        table = table.select(first + [column for column in table.columns if column not in first])
        self._write(nodes_file(node_type), table)
        self._nodes[node_type] = table.height

    def edges(self, edge_type: EdgeType, table: pl.DataFrame) -> None:
        """Write the edges of one relation in its canonical direction, sorted by (src, dst).

        :param table: columns ``src`` and ``dst`` (node indices), optionally ``weight`` and ``time`` (seconds
            since 1970-01-01 UTC; null where unknown).
        :raises DataError: if a pair occurs twice or a weight is null, NaN or infinite.
        """
        extras = {column: dtype for column, dtype in tables.EDGE_EXTRAS.items() if column in table.columns}
        wanted = {**tables.EDGE_COLUMNS, **extras}
        if unknown := set(table.columns) - wanted.keys():
            raise DataError(f"edges {edge_type}: unknown column {sorted(unknown)[0]!r}")
        table = table.select(pl.col(column).cast(dtype) for column, dtype in wanted.items())
        table = check_edges(edge_type, table)
        self._write(edges_file(edge_type), table)
        self._edges[edge_type] = table.height
        self._ranges.note(f"edges {edge_type}", edge_type.src, table["src"])
        self._ranges.note(f"edges {edge_type}", edge_type.dst, table["dst"])
        self._unordered[edge_type] = int((table["src"] >= table["dst"]).sum())

    def assignments(self, table: pl.DataFrame) -> None:
        """Write who assigned which tag to which item, sorted and without repetitions.

        :param table: columns ``user``, ``item``, ``kind`` (genre, emotion or tag), ``tag`` (index into the
            node type of that kind) and optionally ``time``; of repeated rows the earliest time is kept.
        """
        if "time" not in table.columns:
            table = table.with_columns(pl.lit(None, pl.Int64).alias("time"))
        columns = tables.ASSIGNMENT_COLUMNS
        table = table.select(pl.col(column).cast(dtype) for column, dtype in columns.items())
        row = ["user", "item", "kind", "tag"]
        table = table.group_by(row).agg(pl.col("time").min()).sort(row)
        if unknown := set(table["kind"].unique()) - TAG_RELATIONS.keys():
            raise DataError(f"tag assignments: unknown kind {min(map(str, unknown))!r}")
        self._write(ASSIGNMENTS_FILE, table)
        for kind, part in sorted(table.partition_by("kind", as_dict=True).items()):
            self._kinds[str(kind[0])] = part.height
            self._ranges.note("tag assignments", str(kind[0]), part["tag"])
        self._ranges.note("tag assignments", "user", table["user"])
        self._assigned_items = table["item"]

    def modality(
        self,
        node_type: str,
        name: str,
        values: NDArray[Any],
        indices: NDArray[np.integer[Any]],
        info: Mapping[str, Any],
    ) -> None:
        """Keep vectors of some nodes, to be written by :meth:`finish`.

        :param values: finite float16/32/64, shape ``(n, dim)``.
        :param indices: the node of each row, distinct, shape ``(n,)``.
        :param info: what made the values (JSON-serialisable).
        """
        self._modalities[node_type, name] = (values, indices, info)

    def finish(
        self,
        *,
        name: str,
        item: str,
        interaction: str | None,
        ontology: OntologyLike | None = None,
        about: Mapping[str, str] | None = None,
        provenance: Iterable[RawFile | Mapping[str, Any]] = (),
        build_report: Mapping[str, Any] | None = None,
    ) -> None:
        """Write ``graph.json`` and move the folder into place.

        :param item: node type that is recommended.
        :param interaction: relation between users and items that is predicted; None for a graph without users.
        :param ontology: where inverses and symmetry are declared; by default the music ontology of
            ``kg_schema``.
        :param about: title, licence and citation of the data set.
        :param provenance: name, bytes and sha256 of every raw file.
        :param build_report: JSON-serialisable counts of what was dropped or repaired.
        :raises DataError: if an edge names a node that does not exist, or the interaction has no edges.
        """
        relations = self._relations(_default_ontology() if ontology is None else ontology)
        self._ranges.note("tag assignments", item, self._assigned_items)
        self._check_ends()
        check_symmetric(self._unordered, relations)
        if interaction is not None and not any(
            t.relation == interaction and t.dst == item for t in self._edges
        ):
            raise DataError(
                f"graph {name}: there are no {interaction!r} edges towards {item!r}, nothing to recommend"
            )
        meta = GraphMeta(
            format_version=FORMAT_VERSION,
            hetmusic_version=__version__,
            name=name,
            about=dict(about or {}),
            item=item,
            interaction=interaction,
            relations=relations,
            counts=Counts(
                nodes=self._nodes,
                edges={str(edge_type): count for edge_type, count in self._edges.items()},
                assignments=self._kinds,
            ),
            files=self._checksums(),
            provenance=[RawFile.model_validate(file) for file in provenance],
            build_report=dict(build_report or {}),
        )
        write_json(self._folder / META_FILE, meta.model_dump(mode="json"))
        for (node_type, modality), (values, indices, info) in self._modalities.items():
            meta = write_modality(self._folder, meta, node_type, modality, values, indices, info)
        self._finished = True
        self._stack.close()

    def _write(self, name: str, table: pl.DataFrame) -> None:
        tables.write_table(self._folder / name, table)

    def _checksums(self) -> dict[str, str]:
        files = sorted(path for path in self._folder.rglob("*") if path.is_file())
        return {path.relative_to(self._folder).as_posix(): sha256(path) for path in files}

    def _relations(self, ontology: OntologyLike) -> dict[str, RelationInfo]:
        names = {edge_type.relation for edge_type in self._edges} | {
            TAG_RELATIONS[kind] for kind in self._kinds
        }
        found = {name: ontology.relation(name) for name in sorted(names)}
        return {
            name: RelationInfo(inverse=r.inverse, symmetric=r.symmetric, weight=r.weight)
            for name, r in found.items()
        }

    def _check_ends(self) -> None:
        self._ranges.check(self._nodes)
        for edge_type in self._edges:
            if missing := {edge_type.src, edge_type.dst} - self._nodes.keys():
                raise DataError(f"edges {edge_type}: there is no node type {min(missing)!r}")


def _default_ontology() -> OntologyLike:
    from kg_schema.ontology import Ontology

    ontology: OntologyLike = Ontology.load()
    return ontology
