"""``hetmusic features train-emotion``."""

from __future__ import annotations

from pathlib import Path

import click

PATH = click.Path(path_type=Path)


@click.command(name="train-emotion")
@click.option(
    "--annotations", type=PATH, required=True, help="CSV or TSV: a song's key, valence and arousal a row."
)
@click.option("--sounds", type=PATH, help="Folder of the sound files; by default that of the annotations.")
@click.option(
    "--columns",
    metavar="NAME=COLUMN,...",
    help="Columns of key, valence, arousal, path or group, where they have other names, "
    "e.g. key=song_id,valence=mean_v.",
)
@click.option(
    "--scale", metavar="LOW,HIGH", help="Lowest and highest rating possible; detected if not given."
)
@click.option("--max-seconds", type=float, default=120.0, show_default=True, help="Heard of each file.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the division into folds."
)
@click.option("--workers", type=click.IntRange(min=1), help="Threads that decode.  [default: one a core]")
@click.option("--out", type=PATH, required=True, help="The model, e.g. emotion.safetensors.")
@click.option("--overwrite", is_flag=True, help="Replace OUT if it exists.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
def command(
    annotations: Path,
    sounds: Path | None,
    columns: str | None,
    scale: str | None,
    max_seconds: float,
    seed: int,
    workers: int | None,
    out: Path,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Learn the emotion of sounds from ratings of people.

    Valence and arousal are learned from songs that people have rated.

    Prints how well the model does on songs that it has not seen (nested cross-validation), and stores these figures in the
    model: they are its confidence in `hetmusic features extract --emotion`.
    """
    from hetmusic.cli._features_progress import watcher
    from hetmusic.features.emotion.annotations import parse_scale
    from hetmusic.features.emotion.pairs import parse_pairs
    from hetmusic.features.emotion.train import train_emotion

    report = train_emotion(
        annotations,
        out,
        sounds=sounds,
        columns=None if columns is None else parse_pairs(columns, "--columns", "key=COLUMN"),
        scale=parse_scale(scale) if scale is not None else None,
        max_seconds=max_seconds,
        seed=seed,
        workers=workers,
        overwrite=overwrite,
        watcher=watcher(quiet),
    )
    click.echo(str(report))
    click.echo(f"wrote {out}")
