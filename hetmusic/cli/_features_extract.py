"""``hetmusic features extract``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hetmusic.cli._emotion_options import check_emotion_options, emotion_options

PATH = click.Path(path_type=Path)
_KINDS = {"text": "texts", "audio": "sound files", "image": "pictures"}


def _asked(kind: str) -> Any:
    return click.option(
        f"--{kind}",
        multiple=True,
        is_flag=False,
        flag_value="",
        metavar="[[MODALITY=]EXTRACTOR]",
        help=f"Make a modality of {_KINDS[kind]}, by the extractor named or that of --preset; may be repeated.",
    )


@click.command(name="extract")
@click.argument("graph", type=PATH)
@click.option("--raw", type=PATH, help="Folder that the paths of sound files and pictures are below.")
@_asked("text")
@_asked("audio")
@_asked("image")
@emotion_options
@click.option(
    "--preset",
    type=click.Choice(["light", "pretrained"]),
    default="light",
    show_default=True,
    help="Extractors where none is named; light ones need no trained weights.",
)
@click.option(
    "--set", "settings", multiple=True, metavar="MODALITY.KEY=VALUE", help="Argument of an extractor."
)
@click.option("--node", help="Node type.  [default: the items]")
@click.option(
    "--from",
    "sources",
    multiple=True,
    metavar="[MODALITY=]ATTRIBUTE",
    help="Attribute that holds the text or path.  [default: lyrics or lyrics_words, audio or sound, cover]",
)
@click.option("--cache", type=PATH, help="Folder of results.  [default: GRAPH.cache]")
@click.option(
    "--workers", type=click.IntRange(min=1), help="Threads that read and decode.  [default: one a core]"
)
@click.option(
    "--batch-size", type=click.IntRange(min=1), help="In the extractor's units.  [default: found by trying]"
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--float16", is_flag=True, help="Store half as many bytes.")
@click.option("--overwrite", is_flag=True, help="Replace modalities that something else has made.")
@click.option("--recompute", is_flag=True, help="Do not use what the cache has.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
def command(
    graph: Path, raw: Path | None, preset: str, settings: tuple[str, ...], sources: tuple[str, ...], node: str | None,
    quiet: bool, text: tuple[str, ...], audio: tuple[str, ...], image: tuple[str, ...], emotion: bool,
    emotion_model: Path | None, lexicon: Path | None, emotion_weights: str | None,
    emotion_from: str | None, overwrite: bool, **options: Any,
) -> None:  # fmt: skip
    """Make modalities of texts, sounds and pictures.

    GRAPH has texts and the paths of files as attributes of nodes.

    Run it again and it computes only what is new or has changed. What cannot be described is absent, with a reason that
    `hetmusic features report` shows.
    """
    if not (text or audio or image or emotion):
        raise click.UsageError("say what to extract: --text, --audio, --image, --emotion")
    check_emotion_options(emotion, emotion_model, lexicon, emotion_weights, emotion_from)
    from hetmusic.cli import _emotion_options, _render_features
    from hetmusic.cli._features_progress import watcher
    from hetmusic.features.extraction.asking import requests_of
    from hetmusic.features.extraction.run import extract_features
    from hetmusic.graph import MusicGraph

    opened = MusicGraph.open(graph)
    requests = requests_of({"text": text, "audio": audio, "image": image}, settings, sources, preset)
    try:
        if requests:
            made = extract_features(
                opened, requests, raw=raw, node=node, overwrite=overwrite, watcher=watcher(quiet), **options
            )
            _render_features.outcomes(graph, made)
        if emotion:
            found = _emotion_options.extract_emotion(
                opened,
                raw,
                emotion_model,
                lexicon,
                emotion_weights,
                emotion_from,
                overwrite,
                options["cache"],
                watcher(quiet),
            )
            click.echo(f"\n{found}" if requests else str(found))
    except KeyboardInterrupt:
        raise KeyboardInterrupt("the same command goes on where this one stopped") from None
