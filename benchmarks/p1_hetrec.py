"""Protocol P1: HetRec Last.fm, all interactions, random 8:1:1 per user, full ranking, tags without held-out pairs.

    python benchmarks/p1_hetrec.py --raw DUMP --seeds 0,1,2

Every model sees the same split in the same run, is selected on validation NDCG@10 where it has anything to select, and
is tested once with training and validation items masked. iALS, ItemKNN and EASE use the settings that a search on
validation found best on this data set, RP3beta the best of 29 on validation of split seed 0 (whose test values were
printed beside).
Seconds of a fit include its evaluation on validation.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from hetmusic import MusicGraph, fit, load_config
from hetmusic.evaluation import Evaluation, evaluate
from hetmusic.graph.splits import random_split
from hetmusic.rivals import Problem, recommenders

METRICS = ("recall@10", "ndcg@10", "precision@10", "mrr@10")
#: row of the table -> model and settings
RIVALS: dict[str, tuple[str, dict[str, Any]]] = {
    "popularity": ("popularity", {}),
    "ItemKNN (k 100, shrink 10)": ("item-knn", {"k": 100, "shrink": 10.0}),
    "RP3beta (k 2000, alpha 0.8, beta 0.4)": ("rp3beta", {"k": 2000, "alpha": 0.8, "beta": 0.4}),
    "EASE (l2 75)": ("ease", {"l2": 75.0}),
    "iALS 64 (reg 50, alpha 10)": ("ials", {"factors": 64, "regularization": 50.0, "alpha": 10.0}),
    "iALS 512 (reg 50, alpha 10)": ("ials", {"factors": 512, "regularization": 50.0, "alpha": 10.0}),
}


def run_seed(
    graph: MusicGraph, seed: int, overrides: list[str], rivals: list[str]
) -> dict[str, tuple[Evaluation, float]]:
    """Every model on one split: its evaluation and the seconds it took to fit."""
    split = random_split(graph, seed=seed)
    problem = Problem(graph, split)
    found = {}
    for name in rivals:
        model, settings = RIVALS[name]
        fitted = recommenders.make(model, **settings).fit(problem, seed)
        found[name] = evaluate(fitted.scorer, split, ks=(10,)), fitted.seconds
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        config = load_config(overrides=[f"seed={seed}", f"split.seed={seed}", *overrides])
        run = fit(graph, config, Path(folder) / "run")
        seconds = time.perf_counter() - started
        found["hetmusic (default)"] = run.evaluate(ks=(10,)), seconds
    return found


def table(results: list[dict[str, tuple[Evaluation, float]]]) -> str:
    """Markdown: mean ± sd over seeds."""
    lines = ["| model | " + " | ".join(METRICS) + " | fit, seconds |", "|---" * (len(METRICS) + 2) + "|"]
    for name in results[0]:
        cells = []
        for metric in METRICS:
            values = [result[name][0][metric] for result in results]
            cells.append(f"{np.mean(values):.4f} ± {np.std(values, ddof=min(1, len(values) - 1)):.4f}")
        seconds = np.mean([result[name][1] for result in results])
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {seconds:.1f} |")
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--raw", required=True, help="folder of the HetRec Last.fm dump")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--set", action="append", default=[], help="configuration of hetmusic, KEY=VALUE")
    parser.add_argument("--only", action="store_true", help="leave the rivals out")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        graph = MusicGraph.build("hetrec-lastfm", raw=arguments.raw, out=Path(folder) / "graph")
        results = []
        for seed in (int(seed) for seed in arguments.seeds.split(",")):
            results.append(run_seed(graph, seed, arguments.set, [] if arguments.only else list(RIVALS)))
            for name, (found, seconds) in results[-1].items():
                line = f"ndcg@10 {found['ndcg@10']:.4f} recall@10 {found['recall@10']:.4f} ({seconds:.0f} s)"
                print(f"seed {seed} {name}: {line}", flush=True)
    print(table(results))


if __name__ == "__main__":
    main()
