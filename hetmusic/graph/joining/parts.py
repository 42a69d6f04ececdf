"""Edges, tag assignments and vectors that several dumps give: of what two say of one thing, the first named counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from hetmusic.errors import DataError
from hetmusic.graph.build_features import Vectors
from hetmusic.graph.build_nodes import NodeTable
from hetmusic.graph.build_report import JoinedEdges, Notes
from hetmusic.graph.types import EdgeType

_PAIR = ["src", "dst"]


def unite_edges(edge_type: EdgeType, parts: Sequence[tuple[str, pl.DataFrame]], notes: Notes) -> pl.DataFrame:
    """The edges of one relation from all dumps that have some.

    A pair that several dumps give has the weight and the time of the first that knows it; they are not added, since two
    dumps may tell of the same plays. Where only some dumps have weights, the edges of the others count 1.

    :param parts: name of the dump and its edges, in the order of the dumps.
    """
    if len(parts) == 1:
        return parts[0][1]
    found = parts[0][1].clear()
    for name, edges in parts:
        again = edges.join(found.select(_PAIR), on=_PAIR, how="semi").height
        notes.report.joined_edges.append(
            JoinedEdges(edge_type=str(edge_type), dump=name, edges=edges.height, known=again)
        )
        found = pl.concat([found, edges], how="diagonal")
    united = found.group_by(_PAIR, maintain_order=True).agg(pl.all().drop_nulls().first())
    if "weight" in united.columns and (blank := united["weight"].null_count()):
        without = ", ".join(name for name, edges in parts if "weight" not in edges.columns)
        notes.warn(
            f"{edge_type}: {blank:,} edges of {without} have no weight, as those of other dumps have; each counts 1"
        )
        united = united.with_columns(pl.col("weight").fill_null(1.0))
    return united.sort(_PAIR)


def renumbered(
    assignments: pl.DataFrame, own: Mapping[str, NodeTable], joined: Mapping[str, NodeTable]
) -> pl.DataFrame:
    """Tag assignments of a dump with the tags numbered as in the graph.

    :param own: the tag nodes of each kind as the dump counts them.
    :param joined: the same nodes in the graph, found by the dump's keys.
    """
    parts = [assignments.clear()]
    for kind, table in own.items():
        index = joined[kind].index_of(table.table["key"])
        rows = assignments.filter(pl.col("kind") == kind)
        parts.append(rows.with_columns(index.gather(rows["tag"]).alias("tag")))
    return pl.concat(parts)


def unite_vectors(
    node_type: str, modality: str, parts: Sequence[tuple[str, Vectors]], notes: Notes
) -> Vectors:
    """The vectors of one modality from all dumps; a node has that of the first dump that has one.

    :raises DataError: if the dimensions are not the same ones.
    """
    (first, vectors), *others = parts
    for name, more in others:
        same = list(more.info.get("dimensions", ())) == list(vectors.info.get("dimensions", ()))
        if more.values.shape[1] != vectors.values.shape[1] or not same:
            raise DataError(
                f"{modality} of {node_type} comes from {first} ({vectors.values.shape[1]} dimensions) and from {name} "
                f"({more.values.shape[1]}), and they are not the same; give it another name in one specification"
            )
        new = ~np.isin(more.indices, vectors.indices)
        if again := int((~new).sum()):
            notes.warn(
                f"{modality} of {again:,} {node_type} nodes comes from {first} although {name} has it as well"
            )
        vectors = Vectors(
            np.vstack([vectors.values, more.values[new]]),
            np.concatenate([vectors.indices, more.indices[new]]),
            {**vectors.info, "dump": f"{vectors.info['dump']}, {name}"},
        )
    return vectors
