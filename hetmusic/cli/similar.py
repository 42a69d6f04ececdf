"""``hetmusic similar``."""

from __future__ import annotations

from pathlib import Path

import click

#: node types that can be asked for
_TYPES = ("song", "artist", "album", "user")


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--song", metavar="KEY", help="Original id of a song.")
@click.option("--artist", metavar="KEY", help="Original id of an artist.")
@click.option("--album", metavar="KEY", help="Original id of an album.")
@click.option("--user", metavar="KEY", help="Original id of a user.")
@click.option(
    "-k", type=click.IntRange(min=1), default=10, show_default=True, metavar="N", help="Length of the list."
)
@click.option("--modality", metavar="NAME", help="Compare within one modality's tower.")
@click.option("--emotion", is_flag=True, help="Compare by valence and arousal.")
@click.option(
    "--format", "shape", type=click.Choice(["table", "csv", "jsonl"]), default="table", show_default=True
)
def command(
    run: Path,
    song: str | None,
    artist: str | None,
    album: str | None,
    user: str | None,
    k: int,
    modality: str | None,
    emotion: bool,
    shape: str,
) -> None:
    """List what is most alike to a song, an artist, an album or a user, by a finished run."""
    from hetmusic.recommend import Run
    from hetmusic.recommend.similar_output import RENDERERS

    asked = dict(zip(_TYPES, (song, artist, album, user), strict=True))
    given = {name: key for name, key in asked.items() if key is not None}
    if len(given) != 1:
        raise click.UsageError("name one node, by --song, --artist, --album or --user")
    if emotion and modality is not None:
        raise click.UsageError("--modality and --emotion exclude each other")
    ((node_type, key),) = given.items()
    found = Run.open(run).similar(key, k, node_type=node_type, modality=modality, emotion=emotion)
    click.echo(RENDERERS[shape](f"{node_type} {key}", found))
