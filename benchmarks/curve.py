"""Time of a step of sampled training against the size of the graph.

    python benchmarks/msd_a.py --out full                         # and --scale 0.1 | 0.2 | 0.5, or --likes 520000
    OMP_NUM_THREADS=1 python benchmarks/curve.py tenth half full --out FOLDER
    OMP_NUM_THREADS=1 python benchmarks/curve.py tenth half full --out FOLDER --settings auto

All graphs' steps run in turn, several times; the table has medians of processor time, and what a step reads. *By the clock*
is the time of a step while the next ones are sampled in the background, as in a fit: from one step's end to the next one's.
``paper`` is the work of throughput.py, ``auto`` what ``hetmusic fit --auto`` chooses.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from measuring import machine
from throughput import COMPONENTS, PAPER

from hetmusic import MusicGraph
from hetmusic.fitting import build_model
from hetmusic.training import load_config
from hetmusic.training.automatic import choose
from hetmusic.training.batches import Batch
from hetmusic.training.config import FitConfig
from hetmusic.training.make_split import make_split
from hetmusic.training.memory import keep_freed_memory
from hetmusic.training.optimizer import touched_rows
from hetmusic.training.prefetch import Prefetched
from hetmusic.training.processes import ALONE, Processes
from hetmusic.training.tensors import GraphTensors
from hetmusic.training.trainer import Trainer


@dataclass(frozen=True)
class Times:
    """Seconds of processor time of one step, and what it was made of."""

    sampling: float
    forward: float
    backward: float
    update: float
    #: songs and users of the neighbourhood, edges over all layers, and pairs predicted × candidates
    songs: int
    users: int
    edges: int
    targets: int
    candidates: int

    @property
    def step(self) -> float:
        """All of it."""
        return self.sampling + self.forward + self.backward + self.update


class Runner:
    """Steps of training on one graph, by this process or by several."""

    def __init__(
        self, graph: MusicGraph, config: FitConfig, folder: Path, processes: Processes = ALONE
    ) -> None:
        split = make_split(graph, config.split)
        model, view = build_model(graph, split, config)
        tensors = GraphTensors.from_view(view, model.edge_types)
        self.trainer = Trainer(model, tensors, split, config, folder, processes=processes)
        model.train()
        self._batches = self._epochs()

    def _epochs(self) -> Iterator[Batch]:
        rng = np.random.default_rng(0)
        while True:
            yield from self.trainer.batches.epoch(rng)

    def step(self) -> Times:
        """Make one step."""
        trainer, clock = self.trainer, [time.process_time()]
        batch = next(self._batches)
        clock.append(time.process_time())
        loss = trainer.loss_of(batch)
        clock.append(time.process_time())
        trainer.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        clock.append(time.process_time())
        touched = touched_rows(trainer.model)
        trainer.average.before_step(touched)
        trainer.optimizer.step()
        trainer.average.update(touched)
        clock.append(time.process_time())
        nodes = batch.user_blocks.input_nodes
        schema = trainer.model.schema
        return Times(
            *(stop - start for start, stop in itertools.pairwise(clock)),
            songs=len(nodes[schema.item_type]),
            users=len(nodes[schema.user_type]),
            edges=batch.user_blocks.num_edges,
            targets=len(batch.target_rows),
            candidates=len(batch.item_ids),
        )

    def by_the_clock(self, count: int) -> tuple[float, float]:
        """Seconds a step and targets a second, of a few steps in a row whose batches are made in the background."""
        with Prefetched(self._batches, self.trainer.config.training.prefetch) as batches:
            self.trainer._step(next(batches))
            started, targets = time.perf_counter(), 0
            for _ in range(count):
                batch = next(batches)
                self.trainer._step(batch)
                targets += batch.num_targets
            seconds = time.perf_counter() - started
            return seconds / count, targets / seconds


def settings_of(graph: MusicGraph, name: str) -> FitConfig:
    """The paper's model as in throughput.py, or what ``--auto`` chooses."""
    if name == "paper":
        return load_config("paper", None, [*PAPER, f"model.feature_components={COMPONENTS}"])
    return load_config("default", None, [choice.setting for choice in choose(graph)])


def table(found: dict[str, dict[str, float]]) -> str:
    """Markdown; the last column is against the first graph."""
    first = next(iter(found.values()))["step"]
    clock = next(iter(found.values()))["clock"]
    names = ("likes", "sampling", "forward", "backward", "update", "step")
    counts = ("songs", "users", "edges", "targets", "candidates")
    head = (*names, "times the first", "by the clock", "times the first", *counts)
    lines = [f"| graph | {' | '.join(head)} |", "|---" * (len(head) + 1) + "|"]
    for graph, row in found.items():
        cells = [
            f"{row['likes']:,.0f}",
            *(f"{row[name]:.4f}" for name in names[1:]),
            f"{row['step'] / first:.2f}",
        ]
        cells += [
            f"{row['clock']:.4f}",
            f"{row['clock'] / clock:.2f}",
            *(f"{row[name]:,.0f}" for name in counts),
        ]
        lines.append(f"| {graph} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("graphs", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True, help="folder for curve-SETTINGS.json and .md")
    parser.add_argument("--settings", choices=["paper", "auto"], default="paper")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=2, help="steps in a row on every graph, a round")
    parser.add_argument("--clocked", type=int, default=6, help="the same by the clock")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()  # as fits do
    with tempfile.TemporaryDirectory() as folder:
        runners, likes = {}, {}
        for path in arguments.graphs:
            graph = MusicGraph.open(path)
            likes[path.name] = graph.num_edges(graph.interaction)
            runners[path.name] = Runner(graph, settings_of(graph, arguments.settings), Path(folder))
            runners[path.name].step()  # the first one checks and makes more than others
        taken: dict[str, list[Times]] = {name: [] for name in runners}
        clocked: dict[str, list[float]] = {name: [] for name in runners}
        for _ in range(arguments.rounds):
            for name, runner in runners.items():
                taken[name] += [runner.step() for _ in range(arguments.steps)]
            for name, runner in runners.items():
                clocked[name].append(runner.by_the_clock(arguments.clocked)[0])
    found = {}
    for name, times in taken.items():
        rows = [{**asdict(one), "step": one.step} for one in times]
        found[name] = {key: statistics.median(row[key] for row in rows) for key in rows[0]}
        found[name] |= {"likes": likes[name], "clock": statistics.median(clocked[name])}
    arguments.out.mkdir(parents=True, exist_ok=True)
    result = {"machine": machine(), "settings": arguments.settings, "steps": found}
    base = arguments.out / f"curve-{arguments.settings}"
    base.with_suffix(".json").write_text(json.dumps(result, indent=2) + "\n")
    base.with_suffix(".md").write_text(table(found) + "\n")
    print(result["machine"])
    print(table(found))


if __name__ == "__main__":
    main()
