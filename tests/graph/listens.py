"""Tables of who played what, how often and when, written in several formats."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from hetmusic.graph import MusicGraph
from hetmusic.graph.build import build_graph
from hetmusic.graph.build_report import BuildReport
from kg_schema.dump import DumpSpec

Rows = Sequence[Sequence[Any]]


COLUMNS = ("who", "what", "plays", "at")


def spec(listens: dict[str, Any], **changes: Any) -> DumpSpec:
    """Users and songs that occur in one file of listens."""
    value = {
        "name": "mine",
        "item": "song",
        "files": {"listens": listens},
        "nodes": {
            "user": [{"file": "listens", "key": "who"}],
            "song": [{"file": "listens", "key": "what"}],
        },
        "edges": [
            {
                "relation": "likes",
                "file": "listens",
                "src": "who",
                "dst": "what",
                "weight": "plays",
                "time": "at",
            }
        ],
    }
    return DumpSpec.model_validate(value | changes)


def build(dump: DumpSpec, raw: Path, out: Path | None = None) -> tuple[MusicGraph, BuildReport]:
    out = out or raw / "graph"
    report = build_graph(dump, raw, out)
    return MusicGraph.open(out, verify=True), report


def edges_of(
    graph: MusicGraph, relation: str = "likes"
) -> dict[tuple[str, str], tuple[float | None, int | None]]:
    """Edges by original keys."""
    (name,) = [t for t in graph.edge_types if t.relation == relation]
    table = pl.read_parquet(graph.path / "edges" / f"{name}.parquet")
    src, dst = graph.keys(name.src), graph.keys(name.dst)
    return {(src[r["src"]], dst[r["dst"]]): (r.get("weight"), r.get("time")) for r in table.to_dicts()}


def write_csv(path: Path, rows: Rows, columns: Sequence[str] = COLUMNS) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerows([columns, *rows])
    path.write_bytes(text.getvalue().encode())


def write_jsonl(path: Path, rows: Rows, columns: Sequence[str] = COLUMNS) -> None:
    lines = [json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")


def write_parquet(path: Path, rows: Rows, columns: Sequence[str] = COLUMNS) -> None:
    pl.DataFrame(list(rows), list(columns), orient="row").write_parquet(path)


WRITERS: dict[str, Callable[..., None]] = {"csv": write_csv, "jsonl": write_jsonl, "parquet": write_parquet}
