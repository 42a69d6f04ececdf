"""Is the evidence that explanations name what scores rest on? And how long explaining takes.

    python benchmarks/explanations.py RUN --users 200

Deletion (comprehensiveness of DeYoung et al. 2020, "ERASER"): for each pair of a user and a recommended item the named edges
are taken out of the training graph, in both directions, users and items are encoded anew over the whole graph, and the fall
of the score is compared with that after taking out as many others of the same relation at the same end:

* named: what the reasons of the explanation name,
* random: drawn among all edges of the same relation at the same user or item,
* popular: those whose source has the most edges of that relation (what most people play, friends with the most friends),
* control: random edges in place of the named ones, against other random ones; its ratio must be about 1.

Ratios are of mean falls, with 95 % intervals by bootstrap over users. Also counted: how often named evidence weighs more
than random, and how far what the explanation says of the score without its evidence is from what the whole graph gives.

Time is that of ``run.explain`` with everything loaded, per user, for several sizes of batches, median of repetitions.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from hetmusic.graph.types import EdgeType
from hetmusic.models import MMGNN, full_graph_blocks
from hetmusic.recommend import Explanation, Run
from hetmusic.recommend.reencode import RunModel
from hetmusic.training.tensors import subset

#: relation and end of an edge: what it is replaced by has the same
Edge = tuple[EdgeType, int]
ANSWERS = ("named", "random", "popular", "control")


class Graph:
    """The training graph of a run, and scores without some of its edges."""

    def __init__(self, run: Run) -> None:
        self.run_model = RunModel(run.path, run.info, run.graph)
        self.model: MMGNN = self.run_model.model
        self.blocks = self.run_model.tensors.blocks
        self.indptr = {t: b.csr.indptr.numpy() for t, b in self.blocks.items()}
        self.sources = {t: b.csr.indices.numpy() for t, b in self.blocks.items()}
        graph = run.graph
        self.index = {t: {key: k for k, key in enumerate(graph.keys(t))} for t in graph.node_types}

    def edges_at(self, edge_type: EdgeType, node: int) -> NDArray[np.int64]:
        """The edges of a relation that end at a node."""
        return np.arange(*self.indptr[edge_type][[node, node + 1]])

    def named(self, found: Explanation) -> list[Edge]:
        """The edges that an explanation names."""
        edges = []
        for reason in found.reasons:
            for e in reason.evidence:
                edge_type = EdgeType(e.source.type, e.relation, e.target.type)
                source, target = (
                    self.index[e.source.type][e.source.key],
                    self.index[e.target.type][e.target.key],
                )
                here = self.edges_at(edge_type, target)
                edges += [(edge_type, int(k)) for k in here if self.sources[edge_type][k] == source]
        return edges

    def like(self, edges: Sequence[Edge], rng: np.random.Generator | None) -> list[Edge]:
        """As many edges of the same relations at the same ends: at random, or those with the most popular sources."""
        found: list[Edge] = []
        groups: dict[tuple[EdgeType, int], int] = {}
        for edge_type, edge in edges:
            end = int(np.searchsorted(self.indptr[edge_type], edge, side="right")) - 1
            groups[edge_type, end] = groups.get((edge_type, end), 0) + 1
        for (edge_type, end), count in groups.items():
            here = self.edges_at(edge_type, end)
            if rng is not None:
                chosen = rng.choice(here, count, replace=False)
            else:
                degree = self.blocks[edge_type].src_degree
                assert degree is not None
                popularity = degree.numpy()[self.sources[edge_type][here]]
                chosen = here[np.argsort(-popularity, kind="stable")[:count]]
            found += [(edge_type, int(k)) for k in chosen]
        return found

    def score(self, user: int, item: int, without: Sequence[Edge] = ()) -> float:
        """The score of a pair, encoded over the whole graph without some edges, in both directions."""
        lost: dict[EdgeType, set[int]] = {}
        for edge_type, edge in without:
            lost.setdefault(edge_type, set()).add(edge)
            self._other_directions(edge_type, edge, lost)
        blocks = dict(self.blocks)
        for edge_type, edges in lost.items():
            keep = torch.ones(blocks[edge_type].num_edges, dtype=torch.bool)
            keep[sorted(edges)] = False
            blocks[edge_type] = subset(blocks[edge_type], keep)
        whole = full_graph_blocks(
            blocks, self.run_model.tensors.num_nodes, self.run_model.config.model.num_layers
        )
        with torch.no_grad():
            view = self.model(whole)
        return float(view.users[user].double() @ view.items[item].double())

    def _other_directions(self, edge_type: EdgeType, edge: int, lost: dict[EdgeType, set[int]]) -> None:
        """The same edge as other relations of the same two nodes have it: friends of friends, likes and liked_by."""
        source = int(self.sources[edge_type][edge])
        target = int(np.searchsorted(self.indptr[edge_type], edge, side="right")) - 1
        for other in self.blocks:
            if (other.src, other.dst) == (edge_type.dst, edge_type.src):
                here = self.edges_at(other, source)
                lost.setdefault(other, set()).update(here[self.sources[other][here] == target].tolist())


def deletion(run: Run, users: int, k: int, seed: int) -> dict[str, NDArray[np.float64]]:
    """The falls of the scores.

    :return: per answer, shape ``(num_users, k)``; under ``edges`` how many were taken out, under ``error`` how far what the
        explanation says is from the named edges' fall.
    """
    rng = np.random.default_rng(seed)
    graph = Graph(run)
    with_plays = np.unique(run.split.train.src)
    chosen = rng.choice(with_plays, min(users, len(with_plays)), replace=False)
    explained = run.explain([run.user_keys[user] for user in chosen], k=k)
    falls: dict[str, list[list[float]]] = {name: [] for name in (*ANSWERS, "edges", "error")}
    for user, found in zip(chosen, explained.values(), strict=True):
        rows: dict[str, list[float]] = {name: [] for name in falls}
        for one in found:
            item = run.item_index[one.item_key]
            named = graph.named(one)
            removed = {
                "named": named,
                "random": graph.like(named, rng),
                "popular": graph.like(named, None),
                "control": graph.like(named, rng),
            }
            whole = graph.score(int(user), item)
            for name, edges in removed.items():
                rows[name].append(whole - graph.score(int(user), item, edges))
            rows["edges"].append(len(named))
            said = one.score - one.score_without_evidence
            rows["error"].append(abs(said - rows["named"][-1]))
        for name, values in rows.items():
            falls[name].append(values)
    return {name: np.array(values) for name, values in falls.items()}


def ratio(
    above: NDArray[np.float64], below: NDArray[np.float64], seed: int = 0
) -> tuple[float, float, float]:
    """Ratio of two mean falls, and its 95 % interval by bootstrap over users (rows)."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(len(above), size=(2000, len(above)))
    drawn = above.mean(axis=1)[rows].mean(axis=1) / below.mean(axis=1)[rows].mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(above.mean() / below.mean()), float(low), float(high)


def report(falls: Mapping[str, NDArray[np.float64]]) -> None:
    """Print the falls and their ratios."""
    count = falls["named"].size
    print(f"{len(falls['named'])} users, {count} pairs, {falls['edges'].mean():.1f} edges a pair")
    for name in ANSWERS:
        print(f"  {name:8} mean fall {falls[name].mean():.4f}")
    for above, below in (("named", "random"), ("named", "popular"), ("control", "random")):
        value, low, high = ratio(falls[above], falls[below])
        print(f"  {above} / {below}: {value:.2f} [{low:.2f}, {high:.2f}]")
    print(f"  what the explanations say of that fall is off by {falls['error'].max():.1e} at most")
    more = (falls["named"] > falls["random"]).mean()
    print(f"  named weighs more than random in {more:.1%} of the pairs")


def speed(run: Run, k: int, repetitions: int) -> None:
    """Print how long explaining takes."""
    run.explain(run.user_keys[0], k=k)  # loads everything
    for size in (1, 16, 256):
        size = min(size, len(run.user_keys))
        taken = []
        for start in range(repetitions):
            users = run.user_keys[start * size % (len(run.user_keys) - size + 1) :][:size]
            began = time.perf_counter(), time.process_time()
            run.explain(users, k=k)
            taken.append((time.perf_counter() - began[0], time.process_time() - began[1]))
        wall, cpu = np.median(np.array(taken), axis=0) / size * 1e3
        print(f"  {size} users at a time: {wall:.1f} ms a user ({cpu:.1f} ms of processor)")


def main() -> None:
    """Read the command line and print everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run")
    parser.add_argument("--users", type=int, default=200)
    parser.add_argument("-k", type=int, default=3, help="items a user")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repetitions", type=int, default=5)
    given = parser.parse_args()
    run = Run.open(given.run)
    print(f"{given.run}, torch with {torch.get_num_threads()} threads")
    if given.users:
        report(deletion(run, given.users, given.k, given.seed))
    speed(run, 10, given.repetitions)


if __name__ == "__main__":
    main()
