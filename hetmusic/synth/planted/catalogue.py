"""The planted worlds by name: what carries the answer, and what a model needs to see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from hetmusic.errors import ConfigError
from hetmusic.synth.planted.finish import as_it_is, with_feelings, with_heard_feelings, with_two_texts
from hetmusic.synth.planted.latent import half_for_everybody, one_style_each
from hetmusic.synth.planted.parts import Parts, cold_songs, random_listens, second_half_of_some_users
from hetmusic.synth.settings import SIGNALS, WorldSettings
from hetmusic.synth.taste import Taste
from hetmusic.synth.world import World

#: settings of every design where the design itself says nothing else
_BASE: dict[str, Any] = {
    "users": 240, "songs": 300, "artists": 30, "albums_per_artist": 1.0, "styles": 6, "factors": 6,
    "listens_per_user": 24.0, "min_listens": 16, "temperature": 0.2, "popularity": 0.0,
    "friends_per_user": 8.0, "homophily": 1.0, "tags_per_user": 0.0, "audio_seconds": 0.5,
    "missing_lyrics": 0.0, "missing_audio": 0.0, "missing_cover": 0.0,
}  # fmt: skip

_NO_KG = ("relations.sings.use=false", "relations.contains.use=false")
_NO_FRIENDS = ("relations.friends.use=false",)
#: the vectors of songs that nobody has played in training are as random as they were at the start: no help, but noise
_NO_IDS = ("model.id_tower=false", "model.id_embedding=false")
_COLD = ("training.candidates=trained",)
#: nothing but the emotion tower reads emotions, or has anything to say about songs that nobody has played; half of the time
#: songs are scored without their learned vectors, which would else explain all and leave the tower nothing to learn
_EMOTION_ALONE = (
    "model.modalities=[]",
    'model.relations=["liked_by","friends"]',
    "model.id_dropout=0.5",
)


@dataclass(frozen=True)
class WorldDesign:
    """A recipe for worlds in which one signal carries the answer."""

    name: str
    #: one line for people
    summary: str
    #: kinds of data of :data:`hetmusic.synth.SIGNALS` -> strength; all others but ``listening`` say nothing
    signals: Mapping[str, float]
    #: gives the songs' styles and the users' tastes
    taste: Callable[[WorldSettings, int], Taste] = one_style_each
    #: divides the listens
    parts: Callable[[WorldSettings, Taste, pl.DataFrame, int], Parts] = cold_songs
    #: changes what is peculiar to the design
    finish: Callable[[World, int], World] = as_it_is
    #: light features that the model reads
    modalities: tuple[str, ...] = ()
    #: whether the model reads emotions that are estimated from sound and lyrics
    hears_emotion: bool = False
    #: settings of the world where they differ from other designs'
    settings: Mapping[str, Any] = field(default_factory=dict)
    #: configuration of the model on top of the default preset, ``KEY=VALUE``, whatever its components
    model: tuple[str, ...] = ()
    #: further configuration with the component that reads the signal
    full: tuple[str, ...] = ()
    #: further configuration without it
    without: tuple[str, ...] = ()

    def world_settings(self, overrides: Mapping[str, Any]) -> WorldSettings:
        """The world's settings.

        :param overrides: what the user asks for, such as sizes.
        :raises ConfigError: for a setting that is unknown, out of range, or the design's own.
        """
        if "signals" in overrides:
            raise ConfigError(
                f"world setting 'signals' is what {self.name} is made of, and cannot be changed"
            )
        signals = {**dict.fromkeys(SIGNALS, 0.0), "listening": 1.0, **self.signals}
        settings = WorldSettings.parse({**_BASE, **self.settings, **overrides, "signals": signals})
        for name, least in (("songs", 4), ("artists", 1)):
            if (number := getattr(settings, name)) < least * settings.styles:
                raise ConfigError(
                    f"world setting {name!r}: {number} are too few, each of {settings.styles} styles needs {least}"
                )
        return settings


def _by_modality(name: str, what: str, modality: str) -> WorldDesign:
    return WorldDesign(
        name,
        f"songs without any listener in training, ranked by their {what}",
        {modality: 1.0},
        modalities=(modality,),
        model=_COLD,
        full=_NO_IDS,
        without=("model.modalities=[]",),
    )


_ALL = (
    WorldDesign(
        "only-friends",
        "what users like of half of the songs, only the listens of their friends tell",
        {"social": 1.0},
        taste=half_for_everybody,
        parts=second_half_of_some_users,
        settings={
            "users": 500, "songs": 120, "artists": 12, "listens_per_user": 18.0, "min_listens": 12,
            "friends_per_user": 12.0,
        },
        without=_NO_FRIENDS,
    ),
    _by_modality("only-audio", "sound", "audio"),
    _by_modality("only-lyrics", "lyrics", "lyrics"),
    _by_modality("only-covers", "covers", "cover"),
    WorldDesign(
        "only-emotion",
        "songs without any listener in training, ranked by their valence and arousal and by what people feel",
        {"emotion": 1.0},
        finish=with_feelings,
        settings={"tags_per_user": 10.0},
        model=(*_COLD, *_EMOTION_ALONE),
        full=("model.emotion=true",),
    ),
    WorldDesign(
        "only-heard-emotion",
        "songs without any listener in training, ranked by the valence and arousal that their sound and lyrics tell",
        {"emotion": 1.0, "audio": 1.0},
        finish=with_heard_feelings,
        hears_emotion=True,
        model=(*_COLD, *_EMOTION_ALONE),
        full=("model.emotion=true",),
    ),
    WorldDesign(
        "only-artist",
        "songs without any listener in training, ranked by who sings them",
        {"artist": 1.0},
        model=_COLD,
        without=_NO_KG,
    ),
    WorldDesign(
        "only-co-listening",
        "who listens to what is all there is; friends, artists and lyrics say nothing",
        {},
        parts=random_listens,
        finish=with_two_texts,
        modalities=("lyrics",),
        without=(*_NO_KG, *_NO_FRIENDS, *_NO_IDS),
    ),
    WorldDesign(
        "noisy-modality",
        "songs without any listener in training; the lyrics tell, the sound of half of the songs is another song's",
        {"lyrics": 1.0, "audio": 0.5},
        modalities=("lyrics", "audio"),
        model=(*_COLD, *_NO_IDS),
        without=('model.modalities=["audio"]',),
    ),
    WorldDesign(
        "missing-modality",
        "songs without any listener in training; the lyrics tell, and so does the sound, which half of the songs lack",
        {"lyrics": 1.0, "audio": 1.0},
        modalities=("lyrics", "audio"),
        settings={"missing_audio": 0.5},
        model=(*_COLD, *_NO_IDS),
        without=('model.modalities=["audio"]',),
    ),
)  # fmt: skip

#: every design by its name
DESIGNS: dict[str, WorldDesign] = {design.name: design for design in _ALL}
