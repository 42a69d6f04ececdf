"""The machinery of `hetmusic features extract` on a catalogue of synthetic songs: memory of a first run, time of a second.

    OMP_NUM_THREADS=1 python benchmarks/features.py --songs 100000

Every song has lyrics, a sound file of half a second and a cover of its own. Each modality is made in a process of its
own, whose peak memory is compared with what it had once everything was imported. Beside the light extractors there is one
that takes what a large model does: items of 600 kB, as pictures of 224 x 224 pixels are, and vectors of 2,048 numbers.
The second run makes all modalities in one process, whose time includes its start.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from PIL import Image

from hetmusic.features import Extractor
from hetmusic.graph import GraphWriter

FOLDERS = 1000
WORDS = [f"word{number}" for number in range(20_000)]
MODALITIES = {
    "lyrics": ("text", "tfidf-svd"),
    "audio": ("audio", "log-mel-statistics"),
    "cover": ("image", "colour-statistics"),
    "wide": ("image", "features:Wide"),
}
# prints seconds and bytes of memory above those of a process that has imported everything
RUN = """
import resource, sys, time
from pathlib import Path
from hetmusic.features import extract_features
from hetmusic.features.extraction.asking import requests_of
from hetmusic.graph import MusicGraph
import sklearn.decomposition, sklearn.feature_extraction.text
graph, raw, asked = sys.argv[1], sys.argv[2], [pair.split(":", 1) for pair in sys.argv[3:]]
requests = requests_of({kind: [text for k, text in asked if k == kind] for kind, _ in asked})
resident = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
began = time.perf_counter()
made = extract_features(MusicGraph.open(graph), requests, raw=raw)
seconds = time.perf_counter() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
assert all(outcome.coverage.share == 1 for outcome in made), made
print(seconds, peak - resident, sum(outcome.computed for outcome in made))
"""


class Wide(Extractor):
    """Large prepared items, long vectors."""

    kind = "image"

    def prepare(self, item: Path) -> Any:
        """A picture as a large model takes it."""
        with Image.open(item) as picture:
            return np.asarray(picture.resize((224, 224)), np.float32).transpose(2, 0, 1)

    def extract(self, batch: Sequence[Any]) -> np.ndarray:
        """Some of the numbers."""
        return np.stack([item.ravel()[:2048] for item in batch])


def write_songs(folder: Path, songs: int) -> None:
    """A raw folder and a graph."""
    rng = np.random.default_rng(0)
    paths = []
    for song in range(songs):
        place = folder / "raw" / f"{song % FOLDERS:03d}"
        if song < FOLDERS:
            place.mkdir(parents=True)
        paths.append(f"{song % FOLDERS:03d}/{song}")
        Image.fromarray(rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)).save(place / f"{song}.bmp")
        with wave.open(str(place / f"{song}.wav"), "wb") as stream:
            stream.setparams((1, 2, 16_000, 0, "NONE", ""))
            stream.writeframes(rng.integers(-9000, 9000, 8_000, dtype=np.int16).tobytes())
    lyrics = [
        " ".join(WORDS[word] for word in (rng.random(200) ** 3 * len(WORDS)).astype(int)) for _ in paths
    ]
    table = pl.DataFrame(
        {
            "key": [f"s{song}" for song in range(songs)],
            "name": paths,
            "lyrics": lyrics,
            "audio": [f"{path}.wav" for path in paths],
            "cover": [f"{path}.bmp" for path in paths],
        }
    )
    with GraphWriter(folder / "graph") as writer:
        writer.nodes("song", table)
        writer.finish(name="songs", item="song", interaction=None)


def run(folder: Path, names: Sequence[str]) -> tuple[float, float, int, float]:
    """Seconds and bytes of an extraction, what it computed, and the seconds of its process."""
    asked = [f"{MODALITIES[name][0]}:{name}={MODALITIES[name][1]}" for name in names]
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(folder / "graph"), str(folder / "raw"), *asked],
        cwd=Path(__file__).parent,
        check=True,
        capture_output=True,
        text=True,
    )
    whole = time.perf_counter() - began
    seconds, memory, computed = done.stdout.split()[-3:]
    return float(seconds), float(memory), int(computed), whole


def main() -> None:
    """Print a line a modality, and one for the second run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--songs", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="where songs are written, and left for another run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        if not (folder / "graph").exists():
            write_songs(folder, options.songs)
        print(f"{options.songs:,} songs")
        for name, (_, extractor) in MODALITIES.items():
            seconds, memory, computed, _ = run(folder, [name])
            rate = computed / seconds
            print(
                f"{name} ({extractor}): {seconds:.1f} s, {rate:,.0f} a second, {memory / 2**20:,.0f} MiB above the start"
            )
        seconds, memory, computed, whole = run(folder, list(MODALITIES))
        print(
            f"second run, {len(MODALITIES)} modalities: {whole:.1f} s, {computed} computed, {memory / 2**20:,.0f} MiB"
        )
        seconds, memory, computed, whole = run(folder, ["cover"])
        print(f"second run, covers alone: {whole:.1f} s, {computed} computed, {memory / 2**20:,.0f} MiB")


if __name__ == "__main__":
    main()
