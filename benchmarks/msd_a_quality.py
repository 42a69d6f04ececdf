"""How well rankings get on a graph of msd_a.py, and in what time: hetmusic, iALS, BPR, popularity, and the best there is.

    python benchmarks/msd_a.py --out GRAPH
    OMP_NUM_THREADS=1 python benchmarks/msd_a_quality.py GRAPH --out FOLDER
    OMP_NUM_THREADS=1 python benchmarks/msd_a_quality.py GRAPH --out FOLDER --models ials,bpr   # these anew, the others kept

hetmusic is ``hetmusic fit GRAPH --auto`` in a process of its own, whose memory is measured as well. The rivals are those
of ``implicit``, each with the settings below; which of them, and after how many iterations, is chosen on validation, as
hetmusic's epoch, or its start, is. All are validated for the same 2,000 users; curves have processor seconds of
training, without validation. The test part is looked at once a model, for the same 5,000 users.
FOLDER gets a JSON file a model, ``quality.md`` and ``quality.json``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from measuring import machine, measure
from msd_a import best_ranking
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from hetmusic import MusicGraph
from hetmusic.evaluation import evaluate
from hetmusic.graph.splits import Split, random_split
from hetmusic.models.spectral import item_vectors
from hetmusic.ranking import EmbeddingScorer, Scorer
from hetmusic.recommend import Run

METRICS = ("recall@50", "ndcg@50", "ndcg@10")
#: users that validation and test rank for: all 25,000 take minutes a model
USERS, TEST_USERS, CHOICE = 2000, 5000, "recall@50"
#: factors, regularisation, confidence
IALS = (
    (128, 10.0, 3.0),
    (128, 5.0, 2.0),
    (128, 10.0, 10.0),
    (128, 20.0, 2.0),
    (128, 2.0, 2.0),
    (128, 5.0, 1.0),
)
#: factors, learning rate, regularisation
BPR = ((128, 0.05, 0.002), (128, 0.02, 0.005), (128, 0.05, 0.01))
IALS_ITERATIONS, BPR_EPOCHS = (1, 2, 4, 8, 16), (2, 5, 10, 20)

Point = dict[str, float]
#: what has been reached after so many processor seconds
State = tuple[float, Scorer]


class World:
    """A graph, its split, and how rankings are judged."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.graph = MusicGraph.open(path)
        self.split: Split = random_split(self.graph, (0.8, 0.1, 0.1), 0)
        shape = self.graph.num_nodes(self.graph.user_type), self.graph.num_nodes(self.graph.item_type)
        train = self.split.train
        self.likes = sp.csr_matrix((np.ones(len(train), np.float32), (train.src, train.dst)), shape)
        # for validation those of training.validation_users under the same seed
        self.users = {
            "valid": some(np.unique(self.split.valid.src), USERS),
            "test": some(np.unique(self.split.test.src), TEST_USERS),
        }

    def judge(self, scorer: Scorer, part: str) -> Point:
        """Metrics on validation or test."""
        users = self.users[part]
        found = evaluate(scorer, self.split, part=part, ks=(10, 50), metrics=("recall", "ndcg"), users=users)
        return {name: found[name] for name in METRICS}


def some(users: NDArray[Any], count: int) -> NDArray[Any]:
    """So many users, always the same."""
    return np.sort(np.random.default_rng(0).choice(users, min(count, len(users)), replace=False))


def ials(likes: sp.csr_matrix, factors: int, regularization: float, alpha: float) -> Iterator[State]:
    """States of alternating least squares, some iterations apart."""
    from implicit.cpu.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(
        factors, regularization=regularization, alpha=alpha, iterations=1, random_state=0, num_threads=1
    )
    yield from _states(model, likes, IALS_ITERATIONS)


def bpr(likes: sp.csr_matrix, factors: int, learning_rate: float, regularization: float) -> Iterator[State]:
    """States of stochastic gradient descent on BPR's loss, some epochs apart."""
    from implicit.cpu.bpr import BayesianPersonalizedRanking

    model = BayesianPersonalizedRanking(
        factors, learning_rate, regularization, iterations=1, random_state=0, num_threads=1
    )
    yield from _states(model, likes, BPR_EPOCHS)


def _states(model: Any, likes: sp.csr_matrix, after: tuple[int, ...]) -> Iterator[State]:
    """Fits go on from what a model has learnt before."""
    used, done = 0.0, 0
    for count in after:
        model.iterations, started = count - done, time.process_time()
        model.fit(likes, show_progress=False)
        used, done = used + time.process_time() - started, count
        yield used, EmbeddingScorer(model.user_factors.copy(), model.item_factors.copy())


def popularity(likes: sp.csr_matrix) -> Iterator[State]:
    """The same for everybody."""
    counts = np.asarray(likes.sum(axis=0), np.float32).T
    yield 0.0, EmbeddingScorer(np.ones((likes.shape[0], 1), np.float32), counts)


RIVALS: dict[str, tuple[Callable[..., Iterator[State]], tuple[tuple[float, ...], ...]]] = {
    "popularity": (popularity, ((),)),
    "ials": (ials, IALS),
    "bpr": (bpr, BPR),
}


def try_rival(world: World, name: str) -> dict[str, Any]:
    """All settings on validation; the best state of all on test."""
    make, settings = RIVALS[name]
    tried: list[dict[str, Any]] = []
    best: tuple[float, Scorer, dict[str, Any]] | None = None
    for values in settings:
        record: dict[str, Any] = {"settings": values, "curve": []}
        tried.append(record)
        for seconds, scorer in make(world.likes, *values):
            point = {"cpu_seconds": round(seconds, 1), **world.judge(scorer, "valid")}
            print(name, values, " ".join(f"{k} {v:.4f}" for k, v in point.items()), flush=True)
            record["curve"].append(point)
            if best is None or point[CHOICE] > best[0]:
                best = point[CHOICE], scorer, record
            elif record is best[2] and point[CHOICE] < 0.98 * best[0]:
                break
    assert best is not None
    return {**best[2], "test": world.judge(best[1], "test"), "tried": tried}


def try_best(world: World) -> dict[str, Any]:
    """The ranking that the graph was made from."""
    scorer = best_ranking(world.path)
    return {"curve": [world.judge(scorer, "valid")], "test": world.judge(scorer, "test")}


def try_hetmusic(world: World, folder: Path, overrides: list[str]) -> dict[str, Any]:
    """``hetmusic fit --auto`` in a process of its own."""
    measured = ["--set", 'training.also_measured=["recall@50", "ndcg@50"]']
    settings = [part for override in overrides for part in ("--set", override)]
    command = [
        "-m",
        "hetmusic",
        "fit",
        str(world.path),
        "--auto",
        "--out",
        str(folder),
        "--overwrite",
        "--quiet",
    ]
    process = measure([*command, *measured, *settings])
    curve, seconds = [], 0.0
    for line in (folder / "history.jsonl").read_text().splitlines():
        record = json.loads(line)
        if f"start_{CHOICE}" in record:
            seconds += seconds_of_start(world.likes)
            curve.append(
                {"cpu_seconds": round(seconds, 1), **{name: record[f"start_{name}"] for name in METRICS}}
            )
        seconds += record["train_cpu_seconds"]
        curve.append(
            {"cpu_seconds": round(seconds, 1), **{name: record[f"valid_{name}"] for name in METRICS}}
        )
    run = Run.open(folder)
    return {
        "settings": overrides,
        "curve": curve,
        "test": world.judge(run.scorer, "test"),
        "process": {"cpu_seconds": process.cpu, "seconds": process.seconds, "peak_mb": process.peak_mb},
    }


def seconds_of_start(likes: sp.csr_matrix) -> float:
    """Processor seconds of the decomposition that a spectral start is made of, which the run's history does not have."""
    started = time.process_time()
    item_vectors(likes, 128)
    return time.process_time() - started


def tables(found: dict[str, dict[str, Any]]) -> str:
    """Markdown: test figures, then the curves."""
    best = found.get("best", {}).get("test", {})
    head = " | ".join(METRICS)
    lines = [f"| test | {head} | of the best {CHOICE} | training, CPU s |", "|---" * (len(METRICS) + 3) + "|"]
    for name, record in found.items():
        values = " | ".join(f"{record['test'][metric]:.4f}" for metric in METRICS)
        share = f"{record['test'][CHOICE] / best[CHOICE]:.0%}" if best else ""
        used = record["curve"][-1].get("cpu_seconds", "")
        lines.append(f"| {name} | {values} | {share} | {used} |")
    for name, record in found.items():
        if len(record["curve"]) > 1:
            points = ", ".join(
                f"{point['cpu_seconds']:.0f} s {point[CHOICE]:.4f}" for point in record["curve"]
            )
            lines.append(f"\n{name} {record['settings']}, {CHOICE} on validation: {points}")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Fit, judge, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = ["best", *RIVALS, "hetmusic"]
    parser.add_argument("graph", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--models", default=",".join(names), help="default: %(default)s")
    parser.add_argument(
        "--set", dest="overrides", action="append", default=[], help="for hetmusic, KEY=VALUE"
    )
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    print(machine())
    world = World(arguments.graph)
    with threadpool_limits(1):
        for name in arguments.models.split(","):
            if name == "hetmusic":
                result = try_hetmusic(world, arguments.out / "run", arguments.overrides)
            else:
                result = try_best(world) if name == "best" else try_rival(world, name)
            (arguments.out / f"{name}.json").write_text(json.dumps(result, indent=1))
    files = {name: arguments.out / f"{name}.json" for name in names}
    found = {name: json.loads(path.read_text()) for name, path in files.items() if path.exists()}
    (arguments.out / "quality.md").write_text(tables(found))
    (arguments.out / "quality.json").write_text(json.dumps(found, indent=1))
    print(tables(found))


if __name__ == "__main__":
    main()
