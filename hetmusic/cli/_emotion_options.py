"""The options of ``hetmusic features extract`` that say where songs' emotions come from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from hetmusic.features.emotion.report import EmotionReport
    from hetmusic.features.extraction.watching import Watcher
    from hetmusic.graph import MusicGraph

F = TypeVar("F", bound=Callable[..., Any])
_PATH = click.Path(path_type=Path)

_OPTIONS = (
    click.option("--emotion", is_flag=True, help="Estimate valence and arousal of the items."),
    click.option(
        "--emotion-model", type=_PATH, metavar="FILE", help="Of sound; made by `features train-emotion`."
    ),
    click.option(
        "--lexicon",
        type=_PATH,
        metavar="FILE",
        help="Words with valence and arousal: NRC-VAD, Warriner, ANEW.",
    ),
    click.option(
        "--emotion-weights",
        metavar="SOURCE=W,...",
        help="What each source counts.  [default: lyrics=1,sound=1,tags=2]",
    ),
    click.option(
        "--emotion-from",
        metavar="SOURCE=ATTRIBUTE,...",
        help="Attributes of lyrics and sound that emotion is told from.  [default: as for --text and --audio]",
    ),
)


def emotion_options(function: F) -> F:
    """Add ``--emotion``, ``--emotion-model``, ``--lexicon``, ``--emotion-weights``, ``--emotion-from``."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def check_emotion_options(
    emotion: bool,
    emotion_model: Path | None,
    lexicon: Path | None,
    emotion_weights: str | None,
    emotion_from: str | None,
) -> None:
    """Refuse settings of emotion without ``--emotion``.

    :raises click.UsageError: naming the first.
    """
    given = {
        "--emotion-model": emotion_model,
        "--lexicon": lexicon,
        "--emotion-weights": emotion_weights,
        "--emotion-from": emotion_from,
    }
    for name, value in given.items():
        if value is not None and not emotion:
            raise click.UsageError(f"{name} needs --emotion")


def extract_emotion(
    graph: MusicGraph,
    raw: Path | None,
    emotion_model: Path | None,
    lexicon: Path | None,
    emotion_weights: str | None,
    emotion_from: str | None,
    overwrite: bool,
    cache: Path | None,
    watcher: Watcher,
) -> EmotionReport:
    """What ``--emotion`` does."""
    from hetmusic.features.emotion.add import add_emotion
    from hetmusic.features.emotion.pairs import parse_pairs
    from hetmusic.features.emotion.weights import parse_weights

    return add_emotion(
        graph,
        raw,
        weights=None if emotion_weights is None else parse_weights(emotion_weights),
        model=emotion_model,
        lexicon=lexicon,
        attributes=None
        if emotion_from is None
        else parse_pairs(emotion_from, "--emotion-from", "sound=ATTRIBUTE"),
        overwrite=overwrite,
        cache=cache,
        watcher=watcher,
    )
