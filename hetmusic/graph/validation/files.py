"""Checks of the files of a graph folder: present, unchanged, and all of them known to ``graph.json``."""

from __future__ import annotations

from pathlib import Path

from hetmusic._io import sha256
from hetmusic.graph.format import (
    ASSIGNMENTS_FILE,
    META_FILE,
    GraphMeta,
    edges_file,
    modality_files,
    nodes_file,
)
from hetmusic.graph.types import EdgeType
from hetmusic.graph.validation.nodes import EXAMPLES
from hetmusic.graph.validation.report import Collector


def check_files(folder: Path, meta: GraphMeta, out: Collector) -> None:
    """Compare the folder with the table of contents, and every file with its checksum."""
    missing = [name for name in meta.files if not (folder / name).is_file()]
    _add(out, "missing-file", "are missing although graph.json lists them", missing, len(meta.files))
    there = [name for name in meta.files if name not in set(missing)]
    changed = [name for name in there if sha256(folder / name) != meta.files[name]]
    _add(out, "checksum", "have another SHA-256 than graph.json says", changed, len(there))
    unlisted = sorted(_needed(meta) - meta.files.keys())
    _add(out, "unlisted-table", "belong to the graph, but have no checksum in graph.json", unlisted)
    known = {META_FILE, *meta.files, *unlisted}
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    _add(out, "stray-file", "are not known to graph.json", sorted(set(found) - known))
    out.looked_at("files", len(meta.files))


def _needed(meta: GraphMeta) -> set[str]:
    names = {nodes_file(node_type) for node_type in meta.counts.nodes}
    names |= {edges_file(EdgeType.parse(text)) for text in meta.counts.edges}
    for node_type, modalities in meta.modalities.items():
        for name in modalities:
            names.update(modality_files(node_type, name))
    return names | ({ASSIGNMENTS_FILE} if meta.counts.assignments else set())


def _add(out: Collector, check: str, text: str, names: list[str], total: int = 0) -> None:
    of = f" of {total:,}" if total else ""
    noun = "file" if len(names) == 1 and not total else "files"
    out.add(check, "files", f"{len(names):,}{of} {noun} {text}", len(names), names[:EXAMPLES])
