"""Which nodes lack a modality, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hetmusic._io import read_json, replacing_file, write_json
from hetmusic.errors import FeatureError, did_you_mean
from hetmusic.features.describing import NONE_GIVEN, Coverage
from hetmusic.graph import MusicGraph


@dataclass(frozen=True)
class ModalityReport:
    """One modality."""

    node_type: str
    modality: str
    #: the extractor, or where else the vectors come from
    made_by: str
    coverage: Coverage
    #: columns ``key``, ``name``, ``path`` (what the attribute holds, for files), ``reason``: nodes that have something to
    #: describe and yet no vector
    failures: pl.DataFrame


def write_report(cache: Path, node_type: str, modality: str, info: Mapping[str, Any]) -> None:
    """Keep what an extraction found, also where the graph gets nothing since no node has the modality.

    :raises UserError: if the cache cannot be written.
    """
    write_json(_file(cache, node_type, modality), dict(info))


def reports(
    graph: MusicGraph, cache: Path, node_type: str | None = None, modality: str | None = None
) -> list[ModalityReport]:
    """What is known of the modalities of a graph.

    :param cache: where the extraction kept its results; it says what was tried and gave nothing.
    :param node_type: only of this one.
    :param modality: only this one.
    :raises FeatureError: if there is no such modality.
    """
    types = graph.node_types if node_type is None else [node_type]
    infos = {(ntype, name): info for ntype in types for name, info in _infos(graph, cache, ntype)}
    if modality is not None:
        known = sorted({name for _, name in infos})
        infos = {key: info for key, info in infos.items() if key[1] == modality}
        if not infos:
            hint = did_you_mean(modality, known)
            raise FeatureError(
                f"graph {graph.path} has no modality {modality!r}{hint}; it has {', '.join(known) or 'none'}"
            )
    return [_report(graph, ntype, name, info) for (ntype, name), info in sorted(infos.items())]


def write_csv(found: Sequence[ModalityReport], path: Path, overwrite: bool = False) -> None:
    """Write every failure: ``node``, ``modality``, ``key``, ``name``, ``path``, ``reason``.

    :raises UserError: if the file exists and must not be replaced, or cannot be written.
    """
    if path.exists() and not overwrite:
        raise FeatureError(f"{path} already exists; choose another --csv or pass --overwrite")
    tables = [
        r.failures.select(
            node=pl.lit(r.node_type),
            modality=pl.lit(r.modality),
            key="key",
            name="name",
            path="path",
            reason="reason",
        )
        for r in found
    ]
    schema = dict.fromkeys(("node", "modality", "key", "name", "path", "reason"), pl.String)
    with replacing_file(path) as temporary:
        pl.concat([pl.DataFrame(schema=schema), *tables]).write_csv(temporary)


def _infos(graph: MusicGraph, cache: Path, node_type: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(cache.glob(f"reports/{node_type}.*.json")):
        info = read_json(path, FeatureError)
        # of a modality that was added since, or of another graph
        if sum(info.get("absent", {}).values()) == graph.num_nodes(node_type):
            yield path.name.split(".")[1], info
    for name in graph.modalities(node_type):
        yield name, graph.modality(node_type, name).info


def _report(graph: MusicGraph, node_type: str, name: str, info: Mapping[str, Any]) -> ModalityReport:
    total = graph.num_nodes(node_type)
    shape = graph.meta.modalities.get(node_type, {}).get(name)
    present = 0 if shape is None else shape.present
    reasons = info.get("absent") or ({NONE_GIVEN: total - present} if total > present else {})
    made_by = str(info.get("extractor") or info.get("source") or "unknown")
    return ModalityReport(
        node_type, name, made_by, Coverage(present, total, dict(reasons)), _failures(graph, node_type, info)
    )


def _failures(graph: MusicGraph, node_type: str, info: Mapping[str, Any]) -> pl.DataFrame:
    by_reason = info.get("absent_nodes", {})
    rows = np.array([row for rows in by_reason.values() for row in rows], np.int64)
    reasons = [reason for reason, rows in by_reason.items() for _ in rows]
    attribute = info.get("attribute") if info.get("kind") in ("audio", "image") else None
    nodes = graph.nodes(node_type)
    path = pl.col(attribute) if attribute in nodes.columns else pl.lit(None, pl.String)
    chosen = (
        nodes.select("key", "name", path.alias("path"))[rows]
        if len(rows)
        else nodes.select("key", "name", path.alias("path")).clear()
    )
    order = np.argsort(rows, kind="stable")
    return chosen.with_columns(pl.Series("reason", reasons, pl.String))[order]


def _file(cache: Path, node_type: str, modality: str) -> Path:
    return cache / "reports" / f"{node_type}.{modality}.json"
