"""How well valence and arousal are told from sound, words and genres, and what a model makes of them.

    python benchmarks/emotion.py emomusic FOLDER
    python benchmarks/emotion.py planted [--seeds 0,1,2] [--scale 3]

``emomusic`` reads ``static_annotations.csv``, ``songs_info.csv`` and ``clips/`` of EmoMusic: the clips that are there by
leave-one-out, genres and titles as a baseline for all songs. ``planted`` makes worlds in which sound and lyrics tell the
emotion: how well it is recovered, from ratings that are shuffled as well, and what a recommender reaches with it. Both print
Markdown.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import logging
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from hetmusic.features.emotion.add import add_emotion
from hetmusic.features.emotion.annotations import Annotations, read_annotations
from hetmusic.features.emotion.cross_validation import fit_validated
from hetmusic.features.emotion.from_lyrics import emotions_from_lyrics
from hetmusic.features.emotion.scores import Agreement, agreement
from hetmusic.features.emotion.train import train_emotion
from hetmusic.graph.emotions import AXES
from hetmusic.synth.planted import PlantedWorld, make_planted
from hetmusic.synth.planted.files import ANNOTATIONS_FILE, LEXICON_FILE
from hetmusic.synth.planted.proof import build_planted, measure

MODEL = ("model.dim=64", "training.epochs=20", "training.batch_size=128")


def header(*more: str) -> str:
    """The first two lines of a table of agreements."""
    names = ["from", *more, "valence R²", "CCC", "RMSE", "arousal R²", "CCC", "RMSE"]
    return f"| {' | '.join(names)} |\n|{'---|' * len(names)}"


def row(name: str, songs: int | None, found: Sequence[Agreement]) -> str:
    """A line of it."""
    cells = [f"{getattr(axis, what):.3f}" for axis in found for what in ("r2", "ccc", "rmse")]
    cells = [name, *([] if songs is None else [f"{songs:,}"]), *cells]
    return f"| {' | '.join(cells)} |"


def validated(x: np.ndarray, table: Annotations, groups: Sequence[str]) -> list[Agreement]:
    """Both axes by nested cross-validation."""
    return [fit_validated(x, table.points[:, axis], groups).held_out for axis in range(2)]


def emomusic(folder: Path) -> None:
    """Real songs."""
    ratings = folder / "static_annotations.csv"
    table = read_annotations(ratings)
    with open(folder / "songs_info.csv", encoding="utf-8", newline="") as stream:
        info = {r["song_id"]: {k: v.strip() for k, v in r.items()} for r in csv.DictReader(stream)}
    songs = [info[key] for key in table.keys]
    names = sorted({song["Genre"] for song in songs})
    genres = np.array([[float(song["Genre"] == name) for name in names] for song in songs])
    artists = [song["Artist"] for song in songs]
    print(header("songs"))
    mean = [agreement(y, np.full_like(y, y.mean())) for y in table.points.T]
    print(row("the mean rating", len(table), mean))
    print(row(f"{len(names)} genres", len(table), validated(genres, table, artists)))
    order = np.random.default_rng(0).permutation(len(genres))
    print(row("genres of other songs (control)", len(table), validated(genres[order], table, artists)))
    title = emotions_from_lyrics([song["Song title"] for song in songs])
    said = np.isfinite(title.valence)
    r = float(np.corrcoef(title.valence[said], table.points[said, 0])[0, 1])
    with tempfile.TemporaryDirectory() as scratch:
        report = train_emotion(ratings, Path(scratch) / "model", sounds=folder / "clips")
    print(row("sound, each clip left out once", report.songs, [report.held_out[axis] for axis in AXES]))
    print(f"\nVADER has an opinion of {said.sum()} titles; its correlation with valence is {r:.3f}.")


def told(graph_folder: Path, planted: PlantedWorld, graph, sources: Sequence[str]) -> list[Agreement]:
    """Estimate from some sources, and compare the songs that nobody has rated with what was planted."""
    raw = graph_folder / "raw"
    add_emotion(
        graph,
        raw,
        sources=sources,
        model=graph_folder / "emotion.safetensors",
        lexicon=raw / LEXICON_FILE,
        vader=False,
        overwrite=True,
    )
    new = np.setdiff1d(np.arange(graph.num_nodes("song")), planted.train.dst)
    estimated = graph.nodes("song").select(AXES).to_numpy()[new]
    truth = planted.world.heard[new]
    return [agreement(truth[:, axis], estimated[:, axis]) for axis in range(2)]


def shuffled(raw: Path, scratch: Path) -> list[Agreement]:
    """Train on ratings of other songs."""
    table = pl.read_csv(raw / ANNOTATIONS_FILE)
    order = np.random.default_rng(0).permutation(table.height).tolist()
    table.with_columns(table.select(AXES)[order]).write_csv(scratch / "shuffled.csv")
    report = train_emotion(scratch / "shuffled.csv", scratch / "shuffled", sounds=raw, scale=(1, 9))
    return [report.held_out[axis] for axis in AXES]


def knowing(planted: PlantedWorld) -> PlantedWorld:
    """The same world, with what was planted in its tables."""
    heard = planted.world.heard
    songs = planted.world.songs.with_columns(valence=heard[:, 0].round(4), arousal=heard[:, 1].round(4))
    world = dataclasses.replace(planted.world, songs=songs, heard=None)
    design = dataclasses.replace(planted.design, hears_emotion=False)
    return dataclasses.replace(planted, world=world, design=design)


def one_world(seed: int, scale: float) -> tuple[dict[str, list[Agreement]], dict[str, Mapping[str, float]]]:
    """Agreements with what was planted, and metrics of models, in one world."""
    sizes = {"users": round(240 * scale), "songs": round(300 * scale**0.5), "artists": round(30 * scale**0.5)}
    planted = make_planted("only-heard-emotion", seed, {**sizes, "missing_cover": 1.0})
    found: dict[str, Mapping[str, float]] = {
        "best ranking": planted.evaluate(planted.oracle()).values,
        "chance": planted.chance(),
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = [*MODEL, f"seed={seed}"]
        given = build_planted(knowing(planted), folder / "known")
        full, without = planted.design.full, planted.design.without
        found["with what was planted"] = measure(planted, given, folder / "run0", [*settings, *full]).values
        graph = build_planted(planted, folder)
        scores = {}
        for number, sources in enumerate((["sound"], ["lyrics"], ["lyrics", "sound"]), 1):
            label = " and ".join(sources)
            scores[label] = told(folder, planted, graph, sources)
            run = measure(planted, graph, folder / f"run{number}", [*settings, *full])
            found[f"with emotion from {label}"] = run.values
        found["without emotion"] = measure(planted, graph, folder / "run9", [*settings, *without]).values
        scores["sound, trained on shuffled ratings (cross-validation)"] = shuffled(folder / "raw", folder)
    return scores, found


def planted_worlds(seeds: Sequence[int], scale: float) -> None:
    """Means over worlds."""
    results = [one_world(seed, scale) for seed in seeds]
    print(header())
    for name in results[0][0]:
        of_seeds = [scores[name] for scores, _ in results]
        means = [
            Agreement(
                *(float(np.mean([getattr(s[axis], w) for s in of_seeds])) for w in ("r2", "ccc", "rmse"))
            )
            for axis in range(2)
        ]
        print(row(name, None, means))
    print("\n| model | recall@10 | NDCG@10 |\n|---|---|---|")
    for name in results[0][1]:
        values = [
            np.mean([found[name][metric] for _, found in results]) for metric in ("recall@10", "ndcg@10")
        ]
        print(f"| {name} | {values[0]:.3f} | {values[1]:.3f} |")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="what", required=True)
    commands.add_parser("emomusic").add_argument("folder", type=Path)
    planted = commands.add_parser("planted")
    planted.add_argument("--seeds", default="0,1,2")
    planted.add_argument("--scale", type=float, default=3.0, help="users against those of the small worlds")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    if arguments.what == "emomusic":
        emomusic(arguments.folder)
    else:
        planted_worlds([int(seed) for seed in arguments.seeds.split(",")], arguments.scale)


if __name__ == "__main__":
    main()
