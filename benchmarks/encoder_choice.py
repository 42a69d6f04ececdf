"""Which encoder suits which relation: one fit for every encoder and group of relations, all else as in the settings.

    OMP_NUM_THREADS=1 python benchmarks/encoder_choice.py graphs/lfm2k --split lfm2k-mm/lfm2k_og_ids.inter \\
        --settings benchmarks/settings/p2.toml --out results/encoders.jsonl

One line a fit is appended to the file, and what it already holds is not fitted again, so the script can be stopped at any
time. Prints a table of NDCG@10 on validation; ``--towers ids`` leaves out the modalities, which takes a quarter of the time.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hetmusic import MusicGraph, fit, load_config
from hetmusic.graph.splits import split_from_file

#: column of the table -> relations that get another encoder there
GROUPS = {
    "liked_by": ["liked_by"],
    "friends": ["friends"],
    "genre_of, evoked_by, tag_of": ["genre_of", "evoked_by", "tag_of"],
}
#: row of the table -> encoder and its arguments; those of the settings come first
ENCODERS: dict[str, dict[str, Any]] = {
    "mean": {"encoder": "mean", "weight": "none"},
    "mean, log weights": {"encoder": "mean", "weight": "log"},
    "lightgcn, log weights": {"encoder": "lightgcn", "weight": "log"},
    "confidence": {"encoder": "confidence"},
    "confidence, relative": {"encoder": "confidence", "relative": True},
    "gated": {"encoder": "gated"},
    "gated, attention": {"encoder": "gated", "attention": True},
    "sage": {"encoder": "sage"},
    "rgcn": {"encoder": "rgcn"},
    "gat": {"encoder": "gat"},
    "gatv2": {"encoder": "gatv2"},
    "hgt": {"encoder": "hgt"},
    "top-k": {"encoder": "top-k"},
    "GATv2Conv of DGL": {"encoder": "dgl.nn.pytorch:GATv2Conv", "num_heads": 4},
}
AS_SET = "as in the settings"


def main() -> None:
    """Fit what is not yet in the file, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("graph", type=Path)
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--settings", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--towers", choices=["all", "ids"], default="all")
    parser.add_argument("--encoders", help="rows to fit, separated by ;")
    parser.add_argument("--groups", help="columns to fit, separated by ;")
    given = parser.parse_args()
    graph = MusicGraph.open(given.graph)
    split = split_from_file(graph, given.split)
    base = ["model.modalities=[]"] if given.towers == "ids" else []
    for row, group, overrides in _cells(given.encoders, given.groups):
        if (given.towers, row, group) not in _done(given.out):
            config = load_config(file=given.settings, overrides=[*base, *overrides])
            start = time.perf_counter()
            with tempfile.TemporaryDirectory() as folder:
                metrics = fit(graph, config, Path(folder) / "run", split=split).metrics
            found = {"towers": given.towers, "encoder": row, "group": group, "metrics": metrics}
            with open(given.out, "a", encoding="utf-8") as stream:
                stream.write(json.dumps({**found, "seconds": round(time.perf_counter() - start)}) + "\n")
    _print(given.out, given.towers)


def _cells(rows: str | None, columns: str | None) -> Iterator[tuple[str, str, list[str]]]:
    """Row, column and settings of every fit; first the settings as they are."""
    yield AS_SET, "", []
    for row in ENCODERS if rows is None else rows.split(";"):
        for group in GROUPS if columns is None else columns.split(";"):
            yield (
                row,
                group,
                [
                    f"relations.{relation}.{key}={json.dumps(value)}"
                    for relation in GROUPS[group]
                    for key, value in ENCODERS[row].items()
                ],
            )


def _done(file: Path) -> dict[tuple[str, str, str], dict[str, Any]]:
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    found = [json.loads(line) for line in lines]
    return {(line["towers"], line["encoder"], line["group"]): line["metrics"] for line in found}


def _print(file: Path, towers: str) -> None:
    done = _done(file)

    def value(row: str, group: str) -> str:
        metrics = done.get((towers, row, group))
        return "" if metrics is None else f"{metrics['values']['ndcg@10']:.4f}".removeprefix("0")

    print(f"{AS_SET}: {value(AS_SET, '')}\n\n| encoder | {' | '.join(GROUPS)} |\n|---|{'---|' * len(GROUPS)}")
    for row in ENCODERS:
        print(f"| {row} | {' | '.join(value(row, group) for group in GROUPS)} |")


if __name__ == "__main__":
    main()
