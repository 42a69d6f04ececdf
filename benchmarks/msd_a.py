"""A graph of MSD-A's size with a known best ranking: 25,000 users, 328,821 songs, 5.2 M likes, three modalities, friends.

    python benchmarks/msd_a.py --out GRAPH                 # about three minutes, 2.5 GB
    python benchmarks/msd_a.py --out GRAPH --scale 0.1     # everything a tenth: 0.52 M likes
    python benchmarks/msd_a.py --out GRAPH --likes 520000  # the same users and songs, a tenth of the likes
    python benchmarks/msd_a.py --judge GRAPH               # the best ranking on the test part of split 0

Who likes what: there are 128 scenes. A song belongs to its artist's scene and a little to a second one, and is popular
there by a power law. A user belongs to a community, whose taste is a mixture of scenes, and has some taste of their
own. A like is drawn as a scene of the user's mixture and a song of the scene, without repetition. So P(song | user) =
<taste, song's share in every scene>, an inner product of 128 dimensions, and no ranking of songs that a user does not
know yet is better than by it. It is stored beside the graph (``GRAPH-best``).
"""

from __future__ import annotations

import argparse
import itertools
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hetmusic import MusicGraph
from hetmusic.evaluation import evaluate
from hetmusic.graph.splits import random_split
from hetmusic.graph.types import EdgeType
from hetmusic.graph.writer import GraphWriter
from hetmusic.ranking import EmbeddingScorer
from kg_schema.vocab.emotions import EmotionVocabulary

SCENES = 128
LATENT = 48
#: modality -> dimensions, and how much of a vector's variance is noise
MODALITIES = {"lyrics": (384, 0.5), "audio": (1024, 0.7), "cover": (2048, 0.9)}
ABSENT = 0.3
_CHUNK = 16_384

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Size:
    """How many of everything."""

    users: int = 25_000
    songs: int = 328_821
    artists: int = 24_043
    likes: int = 5_200_000
    friendships: int = 250_000
    communities: int = 400

    def scaled(self, factor: float) -> Size:
        """Everything multiplied."""
        return Size(**{name: max(2, round(value * factor)) for name, value in vars(self).items()})


@dataclass(frozen=True)
class Planted:
    """What decides who likes what."""

    artist_of: Ints
    #: the scenes of every song and how much it belongs to them, ``(songs, 2)``
    scenes: Ints
    belongs: Floats
    #: P(song | scene), ``(songs, 2)`` for the song's two scenes
    share: Floats
    community: Ints
    #: P(scene | user), ``(users, SCENES)``
    taste: Floats

    def best(self) -> tuple[Floats, Floats]:
        """Matrices whose inner products are P(song | user) up to a factor."""
        songs = np.zeros((len(self.scenes), SCENES), np.float32)
        for side in range(2):
            songs[np.arange(len(songs)), self.scenes[:, side]] += self.share[:, side]
        return self.taste, songs * len(songs)


def plant(size: Size, rng: np.random.Generator) -> Planted:
    """Scenes, artists, songs, communities and users."""
    weight = 1 / (np.arange(SCENES) + 8.0)
    weight /= weight.sum()
    home = rng.choice(SCENES, size.artists, p=weight)
    fame = rng.permutation(1 / (np.arange(size.artists) + 30.0) ** 0.8)
    artist_of = np.sort(
        np.concatenate(
            [
                np.arange(size.artists),
                rng.choice(size.artists, size.songs - size.artists, p=fame / fame.sum()),
            ]
        )
    )
    scenes = np.stack([home[artist_of], rng.choice(SCENES, size.songs, p=weight)], axis=1)
    second = rng.uniform(0, 0.4, size.songs)
    belongs = np.stack([1 - second, second], axis=1).astype(np.float32)
    popularity = rng.permutation(1 / (np.arange(size.songs) + 10.0))
    share = belongs * popularity[:, None]
    total = np.bincount(scenes.ravel(), share.ravel(), SCENES)
    community = rng.integers(0, size.communities, size.users)
    common = _mixtures(size.communities, 3, weight, rng)
    own = _mixtures(size.users, 4, weight, rng)
    taste = 0.6 * common[community] + 0.4 * own
    return Planted(
        artist_of,
        scenes,
        belongs,
        (share / total[scenes]).astype(np.float32),
        community,
        taste.astype(np.float32),
    )


def _mixtures(
    count: int, parts: int, weight: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Mixtures of a few scenes each, ``(count, SCENES)``."""
    out = np.zeros((count, SCENES))
    chosen = rng.choice(SCENES, (count, parts), p=weight)
    np.add.at(out, (np.arange(count)[:, None], chosen), rng.dirichlet(np.ones(parts), count))
    return out


def draw_likes(size: Size, planted: Planted, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Distinct (user, song) pairs, sorted, exactly as many as asked for."""
    mean = size.likes / size.users
    least = min(20.0, mean)
    # most users like less than the mean, some several times as much
    wanted = np.minimum(least + rng.gamma(1.0, 1.0, size.users) * (mean - least), size.songs / 8)
    edges = np.floor(np.cumsum(wanted) * size.likes / wanted.sum() + 0.5).astype(np.int64)
    counts = np.diff(edges, prepend=0)
    entry_scene, entry_song = planted.scenes.T.ravel(), np.tile(np.arange(size.songs), 2)
    order = np.argsort(entry_scene, kind="stable")
    mass = planted.share.astype(np.float64).T.ravel()[order]
    ends = np.cumsum(mass)
    starts = np.concatenate([[0.0], ends])[np.searchsorted(entry_scene[order], np.arange(SCENES + 1))]
    taste = np.cumsum(planted.taste.astype(np.float64), axis=1)
    codes = np.empty(0, np.int64)
    for attempt in itertools.count():
        missing = counts - np.bincount(codes // size.songs, minlength=size.users)
        # somewhat more than missing, since some will be known; the surplus of a user is cut at random below
        users = np.repeat(np.arange(size.users), missing + missing // 8 + 1)
        scene = _draw_rows(taste, users, rng)
        place = starts[scene] + rng.random(len(users)) * (starts[scene + 1] - starts[scene])
        song = entry_song[order][np.minimum(np.searchsorted(ends, place, side="right"), len(ends) - 1)]
        if attempt > 100:  # who has heard nearly all that their scenes have takes what comes
            song = rng.integers(0, size.songs, len(users))
        new = np.setdiff1d(np.unique(users * size.songs + song), codes, assume_unique=True)
        codes = np.sort(np.concatenate([codes, _at_most(new, new // size.songs, missing, rng)]))
        if len(codes) == size.likes:
            break
    return np.divmod(codes, size.songs)


def _draw_rows(cumulative: NDArray[np.float64], rows: Ints, rng: np.random.Generator) -> Ints:
    """A column for every row index, by the row's cumulative weights."""
    flat = (cumulative / cumulative[:, -1:] + np.arange(len(cumulative))[:, None]).ravel()
    found = np.searchsorted(flat, rows + rng.random(len(rows)), side="right")
    columns: Ints = np.minimum(found - rows * SCENES, SCENES - 1)
    return columns


def _at_most(codes: Ints, users: Ints, limit: Ints, rng: np.random.Generator) -> Ints:
    """No more than ``limit[user]`` codes of a user, which ones by chance."""
    shuffled = rng.permutation(len(codes))
    shuffled = shuffled[np.argsort(users[shuffled], kind="stable")]
    sorted_users = users[shuffled]
    rank = np.arange(len(codes)) - np.searchsorted(sorted_users, sorted_users)
    return codes[shuffled[rank < limit[sorted_users]]]


def friendships(size: Size, community: Ints, rng: np.random.Generator) -> pl.DataFrame:
    """Pairs of users, four of five within a community."""
    members = np.argsort(community, kind="stable")
    bounds = np.searchsorted(community[members], np.arange(size.communities + 1))
    codes = np.empty(0, np.int64)
    while len(codes) < size.friendships:
        count = size.friendships - len(codes) + 100
        a = rng.integers(0, size.users, count)
        low, high = bounds[community[a]], bounds[community[a] + 1]
        near = members[low + (rng.random(count) * (high - low)).astype(np.int64)]
        b = np.where(rng.random(count) < 0.8, near, rng.integers(0, size.users, count))
        pairs = (np.minimum(a, b) * size.users + np.maximum(a, b))[a != b]
        new = np.setdiff1d(pairs, codes)
        codes = np.concatenate([codes, rng.permutation(new)[: size.friendships - len(codes)]])
    src, dst = np.divmod(np.sort(codes), size.users)
    return pl.DataFrame({"src": src, "dst": dst})


def words(planted: Planted, count: int, wrong: float, rng: np.random.Generator) -> pl.DataFrame:
    """Two labels a song, each of the word that stands for a scene of the song, some of them wrong."""
    word_of = np.arange(SCENES) % count
    songs = np.repeat(np.arange(len(planted.scenes)), 2)
    label = word_of[planted.scenes.ravel()]
    label = np.where(rng.random(len(songs)) < wrong, rng.integers(0, count, len(songs)), label)
    said = 1 + rng.poisson(10 * planted.belongs.ravel())
    table = pl.DataFrame({"src": songs, "dst": label, "weight": said.astype(np.float32)})
    return table.group_by("src", "dst").agg(pl.col("weight").sum()).sort("src", "dst")


def add_features(graph: MusicGraph, planted: Planted, seed: int) -> None:
    """Vectors that show a song's scenes, its artist and noise, in all dimensions alike."""
    rng = np.random.default_rng([seed, 3])
    scene = rng.standard_normal((SCENES, LATENT)).astype(np.float32)
    artist = rng.standard_normal((int(planted.artist_of.max()) + 1, LATENT)).astype(np.float32)
    for name, (dim, noise) in MODALITIES.items():
        own = np.sort(
            rng.choice(len(planted.scenes), round(len(planted.scenes) * (1 - ABSENT)), replace=False)
        )
        spread = rng.standard_normal((LATENT, dim)).astype(np.float32) / LATENT**0.5
        values = np.empty((len(own), dim), np.float16)
        for start in range(0, len(own), _CHUNK):
            part = own[start : start + _CHUNK]
            latent = np.einsum("ns,nsl->nl", planted.belongs[part], scene[planted.scenes[part]])
            latent += 0.5 * artist[planted.artist_of[part]]
            signal = latent @ spread
            random = rng.standard_normal(signal.shape, dtype=np.float32)
            values[start : start + _CHUNK] = (1 - noise) ** 0.5 * signal + noise**0.5 * random
        graph.add_modality("song", name, values, indices=own, info={"made_by": "benchmarks/msd_a.py"})


def _nodes(prefix: str, count: int) -> pl.DataFrame:
    return pl.DataFrame({"key": [f"{prefix}{number:07d}" for number in range(count)]})


def make(
    out: Path,
    scale: float = 1.0,
    seed: int = 0,
    features: bool = True,
    overwrite: bool = False,
    likes: int | None = None,
) -> MusicGraph:
    """Write the graph and, in ``<out>-best``, the best ranking.

    :param likes: how many, whatever the scale.
    """
    size, rng = Size().scaled(scale), np.random.default_rng([seed, 1])
    size = size if likes is None else replace(size, likes=likes)
    planted = plant(size, rng)
    users, songs = draw_likes(size, planted, rng)
    plays = (1 + rng.poisson(3 * rng.gamma(1.0, 1.0, len(users)))).astype(np.float32)
    emotions = sorted(EmotionVocabulary.load().emotions)
    with GraphWriter(out, overwrite) as writer:
        for node_type, prefix, count in (
            ("user", "u", size.users), ("song", "s", size.songs), ("artist", "a", size.artists),
            ("genre", "g", SCENES),
        ):  # fmt: skip
            writer.nodes(node_type, _nodes(prefix, count))
        writer.nodes("emotion", pl.DataFrame({"key": emotions, "name": emotions}))
        sung = pl.DataFrame({"src": np.arange(size.songs), "dst": planted.artist_of})
        writer.edges(
            EdgeType("user", "likes", "song"), pl.DataFrame({"src": users, "dst": songs, "weight": plays})
        )
        writer.edges(EdgeType("song", "sung_by", "artist"), sung)
        writer.edges(EdgeType("user", "friends", "user"), friendships(size, planted.community, rng))
        writer.edges(EdgeType("song", "has_genre", "genre"), words(planted, SCENES, 0.2, rng))
        writer.edges(EdgeType("song", "evokes", "emotion"), words(planted, len(emotions), 0.3, rng))
        writer.finish(name="msd-a-size", item="song", interaction="likes")
    folder = Path(f"{out}-best")
    folder.mkdir(exist_ok=True)
    for name, values in zip(("users", "songs"), planted.best(), strict=True):
        np.save(folder / f"{name}.npy", values)
    graph = MusicGraph.open(out)
    if features:
        add_features(graph, planted, seed)
    return graph


def best_ranking(graph: Path) -> EmbeddingScorer:
    """The ranking that no other beats, of a graph made here."""
    folder = Path(f"{graph}-best")
    return EmbeddingScorer(np.load(folder / "users.npy"), np.load(folder / "songs.npy"))


def main() -> None:
    """Make a graph, or judge its best ranking."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--out", type=Path, help="graph folder to write")
    what.add_argument("--judge", type=Path, help="graph folder whose best ranking to judge")
    parser.add_argument("--scale", type=float, default=1.0, help="of everything")
    parser.add_argument("--likes", type=int, help="how many likes, whatever the scale")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-features", action="store_true")
    parser.add_argument("--overwrite", action="store_true")
    arguments = parser.parse_args()
    started = time.perf_counter()
    if arguments.out is not None:
        features, overwrite = not arguments.no_features, arguments.overwrite
        print(make(arguments.out, arguments.scale, arguments.seed, features, overwrite, arguments.likes))
    else:
        split = random_split(MusicGraph.open(arguments.judge), (0.8, 0.1, 0.1), 0)
        found = evaluate(best_ranking(arguments.judge), split, ks=(10, 50), metrics=("recall", "ndcg"))
        print("  ".join(f"{name} {value:.4f}" for name, value in found.values.items()))
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
