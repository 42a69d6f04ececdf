"""Whether recordings by one artist are alike by the light audio features, and those of different artists are not.

    python benchmarks/sound_pairs.py ../shared/data

Takes the songs of ``ultrastar`` that have sound and the clips of ``emomusic`` (all Blues, 45 s), standardises the vectors
over all of them, and compares the cosines of pairs. The second table asks whether two excerpts of 20 s find each other.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl

from hetmusic.features.light_audio import AudioStatistics

#: where the excerpts begin, in seconds
EXCERPTS = (2.5, 22.5)
#: what stands where in a vector
COLUMNS = {
    "all": np.arange(135),
    "log-mel": np.arange(80),
    "MFCC": np.arange(80, 106),
    "pitch classes": np.arange(106, 130),
    "all but MFCC and pitch classes": np.r_[0:80, 130:135],
}


@dataclass(frozen=True)
class Recording:
    """A sound file and who plays."""

    artist: str
    #: ``ultrastar`` or ``emomusic``: all of the latter are Blues, none of the former is
    source: str
    path: Path


def recordings(data: Path) -> list[Recording]:
    """What there is to hear."""
    songs = sorted(path for path in (data / "ultrastar").glob("*/*") if path.suffix in {".mp3", ".ogg"})
    found = [Recording(path.parent.name.split(" - ")[0], "ultrastar", path) for path in songs]
    table = pl.read_csv(data / "emomusic" / "songs_info.csv", infer_schema=False)
    artists = {name.strip(): artist.strip() for name, artist in table["file_name", "Artist"].iter_rows()}
    clips = sorted((data / "emomusic" / "clips").glob("*.mp3"), key=lambda path: int(path.stem))
    return [*found, *(Recording(artists[path.name], "emomusic", path) for path in clips)]


def vectors(found: list[Recording], **part: float) -> np.ndarray:
    """The light audio features of the recordings, or of a part of each."""
    extractor = AudioStatistics(**part)
    return np.stack([extractor.prepare(recording.path) for recording in found])


def cosines(rows: np.ndarray) -> np.ndarray:
    """Cosine of each two rows, standardised column by column."""
    spread = rows.std(axis=0)
    scaled = (rows - rows.mean(axis=0)) / np.where(spread > 1e-9, spread, 1.0)
    scaled /= np.linalg.norm(scaled, axis=1, keepdims=True)
    return np.asarray(scaled @ scaled.T)


def excerpts_found(first: np.ndarray, second: np.ndarray) -> float:
    """Share of excerpts to which, of all the others, that of the same recording is the most alike."""
    cosine = cosines(np.concatenate([first, second]))
    np.fill_diagonal(cosine, -np.inf)
    return float(np.mean(cosine.argmax(axis=1) == np.roll(np.arange(len(cosine)), len(first))))


def kinds_of_pairs(found: list[Recording], cosine: np.ndarray) -> dict[str, np.ndarray]:
    """Cosines of the pairs by what the two have in common."""
    kinds: dict[str, list[float]] = {"one artist": [], "one source, two artists": [], "another genre": []}
    for one, two in combinations(range(len(found)), 2):
        if found[one].artist == found[two].artist:
            kind = "one artist"
        elif found[one].source == found[two].source:
            kind = "one source, two artists"
        else:
            kind = "another genre"
        kinds[kind].append(cosine[one, two])
    return {kind: np.array(values) for kind, values in kinds.items()}


def share_above(higher: np.ndarray, lower: np.ndarray) -> float:
    """Share of pairs of values of which the first is higher: the area under the ROC curve."""
    return float((higher[:, None] > lower).mean() + 0.5 * (higher[:, None] == lower).mean())


def print_pairs(kinds: dict[str, np.ndarray]) -> None:
    """How alike pairs of each kind are."""
    print("| pairs | number | mean cosine | smallest | largest | share of one artist's that are higher |")
    print("|---|---:|---:|---:|---:|---:|")
    for kind, values in kinds.items():
        share = "" if kind == "one artist" else f"{share_above(kinds['one artist'], values):.2f}"
        figures = f"{values.mean():.2f} | {values.min():.2f} | {values.max():.2f}"
        print(f"| {kind} | {len(values)} | {figures} | {share} |")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    found = recordings(parser.parse_args().data)
    print_pairs(kinds_of_pairs(found, cosines(vectors(found))))
    print("\n| columns | excerpts that find each other |\n|---|---:|")
    first, second = (vectors(found, offset=start, max_seconds=20.0) for start in EXCERPTS)
    for columns, where in COLUMNS.items():
        print(f"| {columns} | {excerpts_found(first[:, where], second[:, where]):.2f} of {2 * len(found)} |")


if __name__ == "__main__":
    main()
