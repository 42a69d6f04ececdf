"""Adding attributes, nodes and edges to a finished graph: a new folder takes the old one's place, and keeps the old tables.

Unchanged files are shared with the old folder (hard links), so that an addition costs what it adds. What it replaced is kept
under ``before/<name>/``: making the addition anew starts from there, whatever it was the first time.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hetmusic._io import locked, replacing_folder, sha256, write_json
from hetmusic._version import __version__
from hetmusic.errors import FeatureError
from hetmusic.graph import tables
from hetmusic.graph.checks import IndexRanges, check_edges, check_nodes
from hetmusic.graph.format import (
    META_FILE,
    Addition,
    Counts,
    GraphMeta,
    RelationInfo,
    edges_file,
    modality_files,
    nodes_file,
    read_meta,
)
from hetmusic.graph.modalities import write_modality
from hetmusic.graph.types import EdgeType

#: folder of the tables that additions replaced
_BEFORE = "before"


@dataclass(frozen=True)
class Amendment:
    """Whole tables and modalities that a graph is to have."""

    #: tables by node type, old rows first and in their order
    nodes: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    edges: Mapping[EdgeType, pl.DataFrame] = field(default_factory=dict)
    #: what the ontology says about relations that are new
    relations: Mapping[str, RelationInfo] = field(default_factory=dict)
    #: (node type, name) -> values, node of each row, what made them
    modalities: Mapping[tuple[str, str], tuple[NDArray[Any], NDArray[np.integer[Any]], Mapping[str, Any]]] = (
        field(default_factory=dict)
    )
    #: what made the addition, as JSON
    settings: Mapping[str, Any] = field(default_factory=dict)


class GraphBefore:
    """A graph folder as it is without one addition, whether it has that or not."""

    def __init__(self, folder: Path, meta: GraphMeta, name: str) -> None:
        self.folder = folder
        self._replaced = meta.additions[name].replaced if name in meta.additions else {}
        self._listed = meta.files.keys()
        #: ``graph.json`` without the addition
        self.meta = _without(meta, name)

    def file(self, name: str) -> Path:
        """Where a file of :attr:`meta` is now."""
        return self.folder / self._replaced.get(name, name)

    def files(self) -> dict[str, Path]:
        """Every file of the folder but ``graph.json``, also those that it does not list (caches) -> where it is now."""
        found = {file: self.file(file) for file in self.meta.files}
        for path in self.folder.rglob("*"):
            file = path.relative_to(self.folder).as_posix()
            if path.is_file() and file not in self._listed and file != META_FILE:
                found[file] = path
        return found

    def nodes(self, node_type: str) -> pl.DataFrame:
        """A node table; empty if there are no such nodes."""
        if node_type not in self.meta.counts.nodes:
            return pl.DataFrame(schema=dict(tables.NODE_COLUMNS))
        return tables.read_table(self.file(nodes_file(node_type)), self.meta.counts.nodes[node_type])

    def edges(self, edge_type: EdgeType) -> pl.DataFrame | None:
        """A stored edge table."""
        count = self.meta.counts.edges.get(str(edge_type))
        return None if count is None else tables.read_table(self.file(edges_file(edge_type)), count)


def _without(meta: GraphMeta, name: str) -> GraphMeta:
    addition = meta.additions.get(name)
    if addition is None:
        return meta
    gone = {*addition.made, *addition.replaced.values()}
    files = {file: digest for file, digest in meta.files.items() if file not in gone}
    files |= {file: meta.files[kept] for file, kept in addition.replaced.items()}
    modalities = {kind: dict(known) for kind, known in meta.modalities.items()}
    for kind, names in addition.modalities.items():
        for modality in names:
            modalities.get(kind, {}).pop(modality, None)
            for file in modality_files(kind, modality):
                files.pop(file, None)
    return meta.model_copy(
        update={
            "counts": addition.counts,
            "relations": addition.relations,
            "files": files,
            "modalities": {kind: known for kind, known in modalities.items() if known},
            "additions": {key: value for key, value in meta.additions.items() if key != name},
        }
    )


def amend(before: GraphBefore, name: str, amendment: Amendment) -> None:
    """Replace a graph folder by one with the addition; what it has of that name already is replaced.

    Features that were added since ``before`` was looked at are kept.

    :param before: what the amendment was worked out from.
    :raises FeatureError: if nodes or edges have changed since.
    :raises DataError: if a table is not what a graph may have.
    """
    with locked(before.folder):
        now = GraphBefore(before.folder, read_meta(before.folder), name)
        if now.meta.checksum != before.meta.checksum:
            raise FeatureError(f"{before.folder} was changed by another process; run this again")
        with replacing_folder(before.folder, overwrite=True) as folder:
            for file, path in now.files().items():
                _link(path, folder / file)
            meta = _write(folder, now.meta, name, amendment)
            write_json(folder / META_FILE, meta.model_dump(mode="json"))
            for (node_type, modality), (values, indices, info) in amendment.modalities.items():
                meta = write_modality(
                    folder, meta, node_type, modality, values, indices, info, overwrite=True
                )


def _write(folder: Path, old: GraphMeta, name: str, amendment: Amendment) -> GraphMeta:
    """Write the tables of an amendment; the new content of ``graph.json``."""
    contents = {nodes_file(kind): table for kind, table in amendment.nodes.items()}
    nodes = {**old.counts.nodes, **{kind: table.height for kind, table in amendment.nodes.items()}}
    edges = dict(old.counts.edges)
    ranges = IndexRanges()
    for kind, table in amendment.nodes.items():
        check_nodes(kind, table["key"])
    for edge_type, table in amendment.edges.items():
        contents[edges_file(edge_type)] = checked = check_edges(edge_type, table)
        ranges.note(f"edges {edge_type}", edge_type.src, checked["src"])
        ranges.note(f"edges {edge_type}", edge_type.dst, checked["dst"])
        edges[str(edge_type)] = checked.height
    ranges.check(nodes)
    files, replaced = dict(old.files), {}
    for file, table in contents.items():
        if file in old.files:
            replaced[file] = f"{_BEFORE}/{name}/{file}"
            (folder / replaced[file]).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).rename(folder / replaced[file])
            files[replaced[file]] = old.files[file]
        tables.write_table(folder / file, table)
        files[file] = sha256(folder / file)
    modalities: dict[str, list[str]] = {}
    for kind, modality in amendment.modalities:
        modalities.setdefault(kind, []).append(modality)
    addition = Addition(
        hetmusic_version=__version__,
        replaced=replaced,
        made=sorted(contents.keys() - replaced.keys()),
        counts=old.counts,
        relations=old.relations,
        modalities=modalities,
        settings=dict(amendment.settings),
    )
    counts = Counts(nodes=nodes, edges=edges, assignments=old.counts.assignments)
    return old.model_copy(
        update={
            "counts": counts,
            "relations": {**amendment.relations, **old.relations},
            "files": files,
            "additions": {**old.additions, name: addition},
        }
    )


def _link(old: Path, new: Path) -> None:
    """Share a file with the folder that is replaced, or copy it where the file system cannot."""
    new.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(old, new)
    except OSError:
        shutil.copyfile(old, new)
