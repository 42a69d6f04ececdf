"""A music knowledge graph on disk, opened lazily: tables are read when asked for and kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hetmusic._io import locked
from hetmusic.errors import UnknownKeyError, did_you_mean
from hetmusic.graph import relations
from hetmusic.graph.folder import (
    check_files,
    read_assignments,
    read_edges,
    read_node_schema,
    read_nodes,
    stream_nodes,
)
from hetmusic.graph.format import GraphMeta, read_meta, require_interaction
from hetmusic.graph.modalities import Piece, read_modality, write_modality, write_pieces
from hetmusic.graph.types import Edges, EdgeType, Modality

if TYPE_CHECKING:
    from hetmusic.graph.view import TrainingView

#: above this many keys a "did you mean" would take seconds
_MAX_KEYS_FOR_HINT = 50_000


class MusicGraph:
    """Typed nodes with keys and names, typed relations with weights and times, features with masks."""

    def __init__(self, path: Path, meta: GraphMeta) -> None:
        """Use :meth:`open` or :meth:`build`."""
        self.path = Path(path)
        #: content of ``graph.json``
        self.meta = meta
        self._nodes: dict[str, pl.DataFrame] = {}
        self._edges: dict[EdgeType, Edges] = {}
        self._assignments: pl.DataFrame | None = None
        self._tag_types = relations.tag_edge_types(meta.item, meta.counts.assignments)

    def __repr__(self) -> str:
        nodes = ", ".join(f"{count:,} {name}" for name, count in self.meta.counts.nodes.items())
        return f"MusicGraph({self.name!r}: {nodes})"

    @classmethod
    def open(cls, path: str | Path, verify: bool = False) -> MusicGraph:
        """Open a graph folder.

        :param verify: also read every file and compare its SHA-256 with ``graph.json``.
        :raises GraphFormatError: if the folder is incomplete, damaged or of a newer format version.
        """
        folder = Path(path)
        meta = read_meta(folder)
        check_files(folder, meta, verify)
        return cls(folder, meta)

    @classmethod
    def build(
        cls,
        dump: str | Path | Sequence[str | Path],
        *,
        raw: str | Path | Mapping[str, Any],
        out: str | Path,
        overwrite: bool = False,
        **options: Any,
    ) -> MusicGraph:
        """Build a graph from raw dumps.

        :param dump: name of a built-in dump specification (``hetrec-lastfm``) or path of a YAML file; a list joins several.
        :param raw: folder of the raw files, or a path for each file id of the specification; of several dumps these by the
            name of the dump.
        :param out: the new graph folder.
        :param options: how dumps are joined (:class:`~hetmusic.graph.build_options.BuildOptions`).
        """
        from hetmusic.graph.build import build_graph

        build_graph(dump, raw, out, overwrite=overwrite, **options)
        return cls.open(out)

    def reload(self) -> None:
        """Read everything anew from the folder, after something was added to it."""
        MusicGraph.__init__(self, self.path, read_meta(self.path))

    @property
    def name(self) -> str:
        """Name of the data set."""
        return self.meta.name

    @property
    def item_type(self) -> str:
        """Node type that is recommended, e.g. ``artist``."""
        return self.meta.item

    @property
    def user_type(self) -> str:
        """Node type that recommendations are made for: the source of the interaction."""
        return self.meta.user

    @property
    def interaction(self) -> EdgeType:
        """The relation that is predicted, e.g. ``(user, likes, artist)``.

        :raises DataError: if the graph has no users; ``meta.interaction`` is None then.
        """
        require_interaction(self.meta)
        found = [
            t for t in self.edge_types if t.relation == self.meta.interaction and t.dst == self.item_type
        ]
        return found[0]

    @property
    def checksum(self) -> str:
        """SHA-256 over nodes, edges and assignments; features do not enter."""
        return self.meta.checksum

    @property
    def node_types(self) -> list[str]:
        """Names of the node types, sorted."""
        return sorted(self.meta.counts.nodes)

    @property
    def edge_types(self) -> list[EdgeType]:
        """The relations in canonical direction, sorted: stored ones and those aggregated from assignments."""
        return sorted({EdgeType.parse(text) for text in self.meta.counts.edges} | self._tag_types.keys())

    @property
    def tag_edge_types(self) -> dict[EdgeType, str]:
        """The relations (some also) aggregated from assignments -> kind of tag."""
        return dict(self._tag_types)

    def num_nodes(self, node_type: str) -> int:
        """Number of nodes of a type."""
        return self.meta.counts.nodes[self._known_type(node_type)]

    def nodes(self, node_type: str) -> pl.DataFrame:
        """The node table: ``key``, ``name`` and attributes; row = node index."""
        if self._known_type(node_type) not in self._nodes:
            self._nodes[node_type] = read_nodes(self.path, self.meta, node_type)
        return self._nodes[node_type]

    def node_schema(self, node_type: str) -> pl.Schema:
        """Names and types of the columns of the node table, without reading it."""
        return read_node_schema(self.path, self._known_type(node_type))

    def stream_nodes(
        self, node_type: str, columns: Sequence[str], rows: int = 8192
    ) -> Iterator[tuple[int, pl.DataFrame]]:
        """Some columns of the node table, piece by piece, which needs little memory whatever its size.

        :return: index of a piece's first node, and at most ``rows`` rows.
        """
        yield from stream_nodes(self.path, self.meta, self._known_type(node_type), columns, rows)

    def keys(self, node_type: str) -> list[str]:
        """Original keys in index order."""
        return self.nodes(node_type)["key"].to_list()

    def names(self, node_type: str) -> list[str]:
        """Names in index order; a node without a name gives its key."""
        return self.nodes(node_type).select(pl.coalesce("name", "key")).to_series().to_list()

    def index_of(self, node_type: str, keys: Sequence[str] | pl.Series) -> NDArray[np.int32]:
        """Node indices of original keys.

        :return: shape ``(len(keys),)``.
        :raises UnknownKeyError: with the number of unknown keys, the first of them and the most similar known
            one.
        """
        found = self.find(node_type, keys)
        if (found < 0).any():
            first = str(keys[int(np.argmax(found < 0))])
            # a number that looks like another number is no misspelling of it
            hopeless = first.isdigit() or self.num_nodes(node_type) > _MAX_KEYS_FOR_HINT
            known = [] if hopeless else self.keys(node_type)
            raise UnknownKeyError(
                f"{int((found < 0).sum()):,} of {len(keys):,} {node_type} keys are not in graph {self.name}; "
                f"first: {first!r}{did_you_mean(first, known)}"
            )
        return found

    def find(self, node_type: str, keys: Sequence[str] | pl.Series) -> NDArray[np.int32]:
        """Node indices of original keys, -1 where the graph has no such node; shape ``(len(keys),)``."""
        if isinstance(keys, str):
            raise TypeError("keys must be a sequence of keys, not one string")
        wanted = (
            pl.Series("key", keys, strict=False)
            if isinstance(keys, pl.Series)
            else pl.Series("key", list(map(str, keys)), pl.String)
        )
        table = self.nodes(node_type).select(
            pl.col("key"), pl.int_range(pl.len(), dtype=pl.Int32).alias("index")
        )
        joined = wanted.to_frame().join(table, on="key", how="left", maintain_order="left")
        return joined["index"].fill_null(-1).to_numpy()

    def resolve(self, relation: EdgeType | str) -> tuple[EdgeType, bool]:
        """Find a relation by edge type, ``src__relation__dst`` or its bare name, in either direction.

        :return: the canonical edge type and whether the inverse was asked for.
        :raises UnknownKeyError: if there is no such relation, or a bare name fits several.
        """
        return relations.resolve(relation, self.edge_types, self.meta.relations, f"graph {self.name}")

    def num_edges(self, relation: EdgeType | str) -> int:
        """Number of edges; unordered pairs for a symmetric relation."""
        edge_type, _ = self.resolve(relation)
        stored = self.meta.counts.edges.get(str(edge_type))
        return len(self.edges(edge_type)) if edge_type in self._tag_types or stored is None else stored

    def edges(self, relation: EdgeType | str) -> Edges:
        """The edges of a relation in the direction asked for; a symmetric one in both directions.

        Canonical edges are sorted by (src, dst); the inverse keeps that order. All assignments count towards
        tag relations here; :class:`~hetmusic.graph.view.TrainingView` leaves out those of held-out pairs.
        """
        edge_type, reverse = self.resolve(relation)
        if edge_type not in self._edges:
            self._edges[edge_type] = self._load_edges(edge_type)
        edges = self._edges[edge_type]
        return edges.reversed() if reverse else edges

    @property
    def interactions(self) -> Edges:
        """Edges of :attr:`interaction`, sorted by (user, item); splits are aligned with this order."""
        return self.edges(self.interaction)

    @property
    def tag_assignments(self) -> pl.DataFrame | None:
        """Who assigned which tag: user, item, kind, tag (index into node type ``kind``), time, if known."""
        if self._assignments is None:
            self._assignments = read_assignments(self.path, self.meta)
        return self._assignments

    def stored_edges(self, edge_type: EdgeType) -> Edges | None:
        """The edges of a canonical type as stored: symmetric ones once, tag relations without assignments."""
        if str(edge_type) not in self.meta.counts.edges:
            return None
        return relations.to_edges(read_edges(self.path, self.meta, edge_type))

    @property
    def original(self) -> MusicGraph:
        """The graph on disk; another one than itself only for the altered graphs of control experiments."""
        return self

    def shown(self, edge_type: EdgeType, edges: Edges) -> Edges:
        """What training gets of a canonical relation, of which it may see ``edges``; a hook for control experiments."""
        return edges

    def relations(self, include_inverses: bool = True) -> dict[EdgeType, Edges]:
        """Every relation with its edges, in the order of :attr:`edge_types`, each followed by its inverse."""
        canonical = {edge_type: self.edges(edge_type) for edge_type in self.edge_types}
        return relations.with_inverses(canonical, self.meta.relations) if include_inverses else canonical

    def heterograph(self, view: TrainingView | None = None) -> Any:
        """The graph, or what training may see of it, as a DGL heterograph.

        :return: a ``dgl.DGLGraph`` with inverses, every node type, and ``edata`` ``weight`` (float32) and
            ``time`` (int64) where the relation has them; int32 ids where they fit.
        """
        from hetmusic.graph.heterograph import to_heterograph

        edges = (view or self).relations()
        return to_heterograph(edges, {node_type: self.num_nodes(node_type) for node_type in self.node_types})

    def modalities(self, node_type: str) -> list[str]:
        """Names of the modalities of a node type, sorted."""
        return sorted(self.meta.modalities.get(self._known_type(node_type), {}))

    def modality(self, node_type: str, name: str) -> Modality:
        """A modality, memory-mapped."""
        known = self.modalities(node_type)
        if name not in known:
            raise UnknownKeyError(
                f"{node_type} of graph {self.name} has no modality {name!r}{did_you_mean(name, known)}; "
                f"there are: {', '.join(known) or 'none'}"
            )
        return read_modality(self.path, self.meta, node_type, name)

    def add_modality(
        self,
        node_type: str,
        name: str,
        values: NDArray[Any],
        *,
        keys: Sequence[str] | None = None,
        indices: NDArray[np.integer[Any]] | None = None,
        info: Mapping[str, Any] | None = None,
        overwrite: bool = False,
    ) -> None:
        """Store feature vectors of some or all nodes of a type in the graph folder.

        :param values: finite float16/32/64, shape ``(n, dim)``.
        :param keys: original key of each row; or give ``indices``; with neither, one row per node is
            expected.
        :param info: model, version, settings: whatever made the values (JSON-serialisable).
        :raises FeatureError: if the values do not fit, or the modality exists and ``overwrite`` is false.
        """
        if keys is not None and indices is not None:
            raise TypeError("give keys or indices, not both")
        if keys is not None:
            indices = self.index_of(node_type, keys)
        elif indices is None:
            indices = np.arange(self.num_nodes(node_type))
        with locked(self.path):
            meta = read_meta(
                self.path
            )  # another process may have added a modality since this graph was opened
            self.meta = write_modality(
                self.path,
                meta,
                self._known_type(node_type),
                name,
                np.asanyarray(values),
                np.asarray(indices),
                info or {},
                overwrite,
            )

    def add_modality_pieces(
        self,
        node_type: str,
        name: str,
        pieces: Iterable[Piece],
        *,
        dim: int,
        dtype: np.dtype[Any],
        info: Mapping[str, Any] | None = None,
        overwrite: bool = False,
    ) -> None:
        """Store feature vectors that come piece by piece, so that they need not fit into memory.

        :param pieces: node indices, shape ``(n,)``, and finite vectors, shape ``(n, dim)``.
        :raises FeatureError: as :meth:`add_modality`; the graph is left as it was.
        """
        with locked(self.path):
            meta = read_meta(self.path)
            known = self._known_type(node_type)
            self.meta = write_pieces(
                self.path, meta, known, name, pieces, dim, np.dtype(dtype), info or {}, overwrite
            )

    def summary(self) -> dict[str, Any]:
        """What ``hetmusic info --json`` prints; see :mod:`hetmusic.graph.summary`."""
        from hetmusic.graph.summary import summarise

        return summarise(self)

    def _known_type(self, node_type: str) -> str:
        if node_type not in self.meta.counts.nodes:
            hint = did_you_mean(node_type, self.node_types)
            raise UnknownKeyError(f"graph {self.name} has no node type {node_type!r}{hint}")
        return node_type

    def _load_edges(self, edge_type: EdgeType) -> Edges:
        stored = self.stored_edges(edge_type)
        kind = self._tag_types.get(edge_type)
        if kind is not None:
            assignments = self.tag_assignments
            assert assignments is not None
            derived = relations.aggregate_tags(assignments, kind)
            return derived if stored is None else relations.add_edges(stored, derived)
        assert stored is not None
        if self.meta.relations[edge_type.relation].symmetric:
            return relations.both_directions(stored)
        return stored
