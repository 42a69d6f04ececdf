"""Training by two processes on the CPU against one process that makes the same steps.

    python benchmarks/msd_a.py --out GRAPH
    OMP_NUM_THREADS=1 torchrun --nproc-per-node 2 benchmarks/processes.py GRAPH

A step is as large for both: 2,048 pairs, of which each of two processes takes half. Both make batches in the background, as
fits do, and run in turn, the second process waiting while the first trains alone. Times are by the clock: processor time
would count two processes twice. A target is a pair with its negative (``paper``, the work of throughput.py) or a predicted
like (``auto``, what ``hetmusic fit --auto`` chooses).
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

import torch
from curve import Runner, settings_of
from measuring import machine

from hetmusic import MusicGraph
from hetmusic.training.memory import keep_freed_memory
from hetmusic.training.processes import together


def main() -> None:
    """Run in turn, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("graph", type=Path)
    parser.add_argument("--settings", choices=["paper", "auto"], default="paper")
    parser.add_argument("--factor", type=int, default=2, help="how many times the batch of the settings")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=8, help="steps in a row, a round")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()  # as fits do
    graph = MusicGraph.open(arguments.graph)
    config = settings_of(graph, arguments.settings)
    larger = config.training.model_copy(update={"batch_size": arguments.factor * config.training.batch_size})
    config = config.model_copy(update={"training": larger})
    with together("cpu") as processes, tempfile.TemporaryDirectory() as folder:
        if processes.count == 1:
            parser.error("start it with torchrun --nproc-per-node 2")
        alone = Runner(graph, config, Path(folder)) if processes.first else None
        several = Runner(graph, config, Path(folder), processes)
        taken: dict[str, list[tuple[float, float]]] = {
            "one process": [],
            f"{processes.count} processes": [],
        }
        for _ in range(arguments.rounds):
            one, many = taken.values()
            if alone is not None:
                one.append(alone.by_the_clock(arguments.steps))
            processes.wait()
            many.append(several.by_the_clock(arguments.steps))
            processes.wait()
        if processes.first:
            print(f"{machine()}; batches of {larger.batch_size:,}")
            report(taken)


def report(taken: dict[str, list[tuple[float, float]]]) -> None:
    """Print medians, the first as the unit."""
    rates = {name: statistics.median(rate for _, rate in runs) for name, runs in taken.items()}
    base = next(iter(rates.values()))
    print("| | seconds a step (clock) | targets a second | times the first |\n|---|---|---|---|")
    for name, runs in taken.items():
        seconds = statistics.median(second for second, _ in runs)
        print(f"| {name} | {seconds:.3f} | {rates[name]:,.0f} | {rates[name] / base:.2f} |")


if __name__ == "__main__":
    main()
    # without the interpreter's clean-up, in which threads of gloo now and then abort the process (see hetmusic.__main__)
    sys.stdout.flush()
    os._exit(0)
