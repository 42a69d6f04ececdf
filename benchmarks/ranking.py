"""Exact top-50 of a large catalogue for many users, against the bare matrix product and ``torch.topk``, on one thread.

    OMP_NUM_THREADS=1 python benchmarks/ranking.py                    # 328,821 songs, 2,048 users in blocks of 512
    OMP_NUM_THREADS=1 python benchmarks/ranking.py --users 25000

The bare form computes all scores of a block of users in single precision and takes their top 50; hetmusic computes them in
tiles, in double precision, leaves out what each user has heard (208 songs), and breaks ties by index. Both do the same block
in turn; the table has the median ratio of processor times, and what ranking all users took of memory beyond the embeddings.
"""

from __future__ import annotations

import argparse
import statistics
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from measuring import machine
from numpy.typing import NDArray

from hetmusic.ranking import EmbeddingScorer, UserItems, top_k

SONGS, K, BLOCK, HEARD = 328_821, 50, 512, 208


def timed(run: Callable[..., object], *arguments: Any) -> float:
    """Seconds of processor time."""
    started = time.process_time()
    run(*arguments)
    return time.process_time() - started


def bare_top_k(users: NDArray[np.float32], songs: NDArray[np.float32]) -> None:
    """All scores at once, and the best of them."""
    torch.topk(torch.from_numpy(users @ songs.T), K)


def peak_of(run: Callable[..., object], *arguments: Any) -> int:
    """Most bytes of arrays that were alive at one time while it ran, its result included."""
    tracemalloc.start()
    run(*arguments)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--users", type=int, default=2048)
    parser.add_argument("--dims", type=int, nargs="+", default=[64, 128, 256])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(machine())
    print("| dimensions | bare | hetmusic | ratio | memory beyond the embeddings |\n|---|---|---|---|---|")
    for dim in arguments.dims:
        rng = np.random.default_rng(0)
        users = rng.standard_normal((arguments.users, dim), dtype=np.float32)
        songs = rng.standard_normal((SONGS, dim), dtype=np.float32)
        heard = UserItems.from_pairs(
            np.repeat(np.arange(len(users)), HEARD),
            rng.integers(0, SONGS, len(users) * HEARD),
            num_users=len(users),
            num_items=SONGS,
        )
        scorer = EmbeddingScorer(users, songs)
        ours, bare = [], []
        for start in range(0, len(users), BLOCK):
            block = np.arange(start, min(start + BLOCK, len(users)))
            ours.append(timed(top_k, scorer, block, K, heard))
            bare.append(timed(bare_top_k, users[block], songs))
        memory = peak_of(top_k, scorer, np.arange(len(users)), K, heard)
        ratio = statistics.median(a / b for a, b in zip(ours, bare, strict=True))
        seconds = (statistics.median(bare), statistics.median(ours))
        print(
            f"| {dim} | {seconds[0]:.2f} s | {seconds[1]:.2f} s | {ratio:.2f} | {memory / 1e6:.0f} MB |",
            flush=True,
        )


if __name__ == "__main__":
    main()
