"""Songs (here: artists) without any listener in training, ranked among all and among themselves.

    python benchmarks/build_lfm2k.py --hetrec DUMP --lfm2k DUMP --out graphs/lfm2k
    python benchmarks/cold_songs.py graphs/lfm2k --seeds 0,1,2

20 % of the items are cold in the test part and 5 % in validation; the other items' interactions are divided 8:1:1 per user.
Reported are NDCG@10 of

* cold, all: cold test interactions, every item being a candidate,
* cold, alone: the same among cold items,
* warm, alone: warm test interactions among warm items,
* warm, mixed: the same with cold items among the candidates, those that the user likes left out: they would be right,
* warm, strict: the same with nothing left out.

Everything is chosen on validation: the neighbours of content-kNN by NDCG@10 of cold validation items among all items, the
epoch of MM-GNN by that of all validation interactions.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hetmusic import MusicGraph, fit, load_config
from hetmusic.evaluation import evaluate
from hetmusic.graph.splits import TEST, UNUSED, VALID, Split, random_split
from hetmusic.graph.types import Edges
from hetmusic.ranking import EmbeddingScorer, Scorer
from hetmusic.rivals import Problem, recommenders

MEASURES = ("cold, all", "cold, alone", "warm, alone", "warm, mixed", "warm, strict")


@dataclass(frozen=True)
class Parts:
    """What :func:`hetmusic.evaluation.evaluate` asks of a split, put together freely."""

    train: Edges
    valid: Edges
    test: Edges
    items: NDArray[np.int32] | None


def cold_split(graph: MusicGraph, seed: int, share: float = 0.2, valid_share: float = 0.05) -> Split:
    """Cold items in test and validation, the others' interactions divided 8:1:1 per user."""
    split = random_split(graph, seed=seed)
    items = np.random.default_rng(seed).permutation(np.unique(split.interactions.dst))
    tested, validated = int(share * len(items)), int((share + valid_share) * len(items))
    part = split.part.copy()
    part[np.isin(split.interactions.dst, items[:tested])] = TEST
    part[np.isin(split.interactions.dst, items[tested:validated])] = VALID
    return Split(split.interactions, part, {"strategy": "cold-items", "share": share, "seed": seed})


def measure(scorer: Scorer, split: Split, part: int = TEST) -> dict[str, float]:
    """The five measures of the module's docstring, of test or validation interactions."""
    warm = np.unique(split.train.dst)
    cold = np.setdiff1d(np.unique(split.select(part).dst), warm)
    held = split.select(part)
    of_cold, of_warm = held.select(np.isin(held.dst, cold)), held.select(np.isin(held.dst, warm))
    others = split.select(VALID) if part == TEST else split.select(UNUSED)
    everything = np.union1d(warm, cold).astype(np.int32)

    def ndcg(wanted: Edges, items: NDArray[np.int32], hidden: Edges | None = None) -> float:
        seen = others if hidden is None else joined(others, hidden)
        parts = Parts(split.train, seen, wanted, items)
        return evaluate(scorer, parts, part="test", mask="train+valid", ks=[10], metrics=["ndcg"])["ndcg@10"]

    values = (
        ndcg(of_cold, everything),
        ndcg(of_cold, cold.astype(np.int32)),
        ndcg(of_warm, warm.astype(np.int32)),
        ndcg(of_warm, everything, of_cold),
        ndcg(of_warm, everything),
    )
    return dict(zip(MEASURES, values, strict=True))


def joined(one: Edges, other: Edges) -> Edges:
    """Pairs of both, sorted by (user, item)."""
    src, dst = np.concatenate([one.src, other.src]), np.concatenate([one.dst, other.dst])
    order = np.lexsort((dst, src))
    return Edges(src[order], dst[order])


def content_knn(graph: MusicGraph, split: Split, modalities: list[str] | str) -> tuple[Scorer, int]:
    """Content-kNN with the number of neighbours, and the scaling, that validation finds best."""
    problem = Problem(graph, split)
    best: tuple[float, Scorer, int] | None = None
    for k in (5, 10, 20, 40, 80, 160, 320, 1000):
        for scaling in ("l2", "standard"):
            settings = {"k": k, "scaling": scaling, "modalities": modalities}
            scorer = recommenders.make("content-knn", **settings).fit(problem).scorer
            value = measure(scorer, split, VALID)["cold, all"]
            if best is None or value > best[0]:
                best = (value, scorer, k)
    assert best is not None
    return best[1], best[2]


def mmgnn(
    graph: MusicGraph, split: Split, overrides: list[str], settings: Path | None = None
) -> EmbeddingScorer:
    """MM-GNN trained on the split.

    :param settings: TOML file between the preset and the overrides.
    """
    with tempfile.TemporaryDirectory() as folder:
        config = load_config(file=settings, overrides=overrides)
        run = fit(graph, config, Path(folder) / "run", split=split)
        return EmbeddingScorer(np.array(run.user_embeddings), np.array(run.item_embeddings))


def shifted(scorer: EmbeddingScorer, split: Split, bias: float) -> EmbeddingScorer:
    """The same scores with ``bias`` added to those of items without training interactions, as ``model.cold_bias`` does."""
    added = np.full(len(scorer.item_embeddings), bias, np.float32)
    added[np.unique(split.train.dst)] = 0.0
    return EmbeddingScorer(scorer.user_embeddings, scorer.item_embeddings, added)


def main() -> None:
    """Print a line of JSON for every model and seed, then the means as a Markdown table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("graph", type=Path)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--settings", type=Path, help="TOML file between the preset and --set")
    parser.add_argument(
        "--add", default="", help="numbers: what to add to cold items' scores, each a row of its own"
    )
    parser.add_argument("--part", choices=["test", "valid"], default="test")
    parser.add_argument("--only-mmgnn", action="store_true", help="for searches on validation")
    given = parser.parse_args()
    graph = MusicGraph.open(given.graph)
    part = TEST if given.part == "test" else VALID
    found: dict[str, list[dict[str, float]]] = {}
    for seed in map(int, given.seeds.split(",")):
        split = cold_split(graph, seed)
        fitted = mmgnn(graph, split, [f"seed={seed}", *given.overrides], given.settings)
        scorers: dict[str, Scorer] = {"mmgnn": fitted}
        for number in filter(None, given.add.split(",")):
            scorers[f"mmgnn, {number} added"] = shifted(fitted, split, float(number))
        if not given.only_mmgnn:
            for name in graph.modalities(graph.item_type):
                scorers[f"content-kNN, {name}"] = content_knn(graph, split, [name])[0]
            scorers["content-kNN, all modalities"] = content_knn(graph, split, "all")[0]
        for name, scorer in scorers.items():
            values = measure(scorer, split, part)
            print(json.dumps({"model": name, "seed": seed, **values}), flush=True)
            found.setdefault(name, []).append(values)
    print("\n| model | " + " | ".join(MEASURES) + " |\n|---" + "|---" * len(MEASURES) + "|")
    for name, rows in found.items():
        means = [np.mean([row[key] for row in rows]) for key in MEASURES]
        print(f"| {name} | " + " | ".join(f"{mean:.4f}" for mean in means) + " |")


if __name__ == "__main__":
    main()
