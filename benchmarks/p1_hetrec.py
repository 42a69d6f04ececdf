"""Protocol P1: HetRec Last.fm, all interactions, random 8:1:1 per user, full ranking, tags without held-out pairs.

    python benchmarks/p1_hetrec.py --raw DUMP --seeds 0,1,2

Every model sees the same split in the same run, is selected on validation NDCG@10 where it has anything to select, and
is tested once with training and validation items masked. iALS, ItemKNN and EASE use the settings that a search on
validation found best on this data set.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from hetmusic import MusicGraph, fit, load_config
from hetmusic.evaluation import Evaluation, evaluate
from hetmusic.graph.splits import Split, random_split
from hetmusic.ranking import EmbeddingScorer, Scorer

METRICS = ("recall@10", "ndcg@10", "precision@10", "mrr@10")
Rival = Callable[[sp.csr_matrix, int], Scorer]


class MatrixScorer:
    """Scores from a dense users × items function, a row of users at a time."""

    def __init__(self, rows: Callable[[np.ndarray], np.ndarray], num_items: int) -> None:
        self._rows, self.num_items = rows, num_items

    def scores(self, users: np.ndarray, start: int, stop: int) -> np.ndarray:
        """Scores of some users for a range of items."""
        return np.ascontiguousarray(self._rows(users)[:, start:stop], dtype=np.float32)


def popularity(train: sp.csr_matrix, seed: int) -> Scorer:
    """The most liked items for everyone."""
    counts = np.asarray(train.sum(axis=0), dtype=np.float32).ravel()
    return EmbeddingScorer(np.ones((train.shape[0], 1), np.float32), counts[:, None])


def item_knn(train: sp.csr_matrix, seed: int, k: int = 100, shrink: float = 10.0) -> Scorer:
    """Shrunk cosine similarity between items, the k nearest of each."""
    norms = np.sqrt(np.asarray(train.sum(axis=0)).ravel())
    together = (train.T @ train).tocsr().astype(np.float64)
    together.setdiag(0)
    together.eliminate_zeros()
    rows = np.repeat(np.arange(train.shape[1]), np.diff(together.indptr))
    together.data /= norms[rows] * norms[together.indices] + shrink
    for row in range(train.shape[1]):
        start, stop = together.indptr[row : row + 2]
        if stop - start > k:
            values = together.data[start:stop]
            values[values < np.partition(values, -k)[-k]] = 0
    return MatrixScorer(lambda users: (train[users] @ together.T).toarray(), train.shape[1])


def ease(train: sp.csr_matrix, seed: int, l2: float = 75.0) -> Scorer:
    """EASE (Steck 2019) in the space of users: B = G^-1-based weights without items × items matrices.

    With X the training matrix, P = (X'X + l2 I)^-1 = (I - X'(XX' + l2 I)^-1 X) / l2, and B_ij = -P_ij / P_jj off the
    diagonal, 0 on it, so X B = X - (X P) / diag(P) needs only users × users and users × items.
    """
    dense = train.toarray().astype(np.float64)
    inner = np.linalg.inv(dense @ dense.T + l2 * np.eye(len(dense)))
    half = inner @ dense
    diagonal = (1 - np.einsum("ui,ui->i", dense, half)) / l2
    product = (dense - (dense @ dense.T) @ half) / l2
    scores = (dense - product / diagonal).astype(np.float32)
    return MatrixScorer(lambda users: scores[users], train.shape[1])


def ials(
    train: sp.csr_matrix, seed: int, factors: int = 512, reg: float = 50.0, alpha: float = 10.0
) -> Scorer:
    """Implicit ALS from the package ``implicit``."""
    from implicit.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(
        factors=factors, regularization=reg, alpha=alpha, iterations=15, random_state=seed, use_gpu=False
    )
    model.fit(train.astype(np.float32), show_progress=False)
    return EmbeddingScorer(model.user_factors, model.item_factors)


RIVALS: dict[str, Rival] = {
    "popularity": popularity,
    "ItemKNN (k 100, shrink 10)": item_knn,
    "EASE (l2 75)": ease,
    "iALS 64 (reg 50, alpha 10)": lambda train, seed: ials(train, seed, factors=64),
    "iALS 512 (reg 50, alpha 10)": ials,
}


def matrix(graph: MusicGraph, split: Split) -> sp.csr_matrix:
    """Training interactions as a binary users × items matrix."""
    shape = graph.num_nodes(graph.user_type), graph.num_nodes(graph.item_type)
    ones = np.ones(len(split.train), np.float32)
    return sp.csr_matrix((ones, (split.train.src, split.train.dst)), shape)


def run_seed(
    graph: MusicGraph, seed: int, overrides: list[str], rivals: list[str]
) -> dict[str, tuple[Evaluation, float]]:
    """Every model on one split: its evaluation and the seconds it took to fit."""
    split = random_split(graph, seed=seed)
    found = {}
    for name in rivals:
        started = time.perf_counter()
        scorer = RIVALS[name](matrix(graph, split), seed)
        seconds = time.perf_counter() - started
        found[name] = evaluate(scorer, split, ks=(10,)), seconds
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
