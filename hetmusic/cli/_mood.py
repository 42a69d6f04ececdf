"""The options that steer recommendations towards a mood."""

from __future__ import annotations

import click

from hetmusic.recommend.mood import Mood


def chosen_mood(
    emotion: str | None, valence: float | None, arousal: float | None, strength: float | None
) -> tuple[Mood | None, float]:
    """The mood that the options name, if any, and how much it counts.

    :raises click.UsageError: for options that exclude or miss each other.
    :raises ConfigError: for an emotion that the vocabulary does not have.
    """
    placed = valence is not None or arousal is not None
    if emotion is not None and placed:
        raise click.UsageError("a mood is given by --emotion, or by --valence and --arousal, not by both")
    if emotion is None and not placed:
        if strength is not None:
            raise click.UsageError("--strength needs a mood: --emotion, or --valence and --arousal")
        return None, 0.0
    mood = Mood(valence, arousal) if emotion is None else Mood.of_word(emotion)
    return mood, 1.0 if strength is None else strength
