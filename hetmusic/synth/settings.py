"""The knobs of a planted world."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from hetmusic.errors import ConfigError, did_you_mean

#: The data that can reflect the planted taste, each with its own strength.
SIGNALS = ("listening", "social", "artist", "genre", "emotion", "tag", "lyrics", "audio", "cover")

#: The song modalities that are written as text or files.
MODALITIES = ("lyrics", "audio", "cover")

MAX_STYLES = 16


class WorldSettings(BaseModel):
    """Sizes, shapes and signal strengths of a planted world; the defaults make the demo world."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    users: int = Field(default=300, ge=2)
    """Number of listeners."""
    songs: int = Field(default=600, ge=4)
    """Number of songs, the recommended items."""
    artists: int = Field(default=80, ge=1)
    """Number of artists; every song is sung by one."""
    albums_per_artist: float = Field(default=1.9, ge=1.0)
    """Mean number of albums of an artist; each has at least one, and no album is left without a song."""
    styles: int = Field(default=8, ge=2, le=MAX_STYLES)
    """Number of planted musical styles (communities of taste)."""
    factors: int = Field(default=16, ge=2)
    """Dimension of the latent taste space; at least ``styles``."""

    listens_per_user: float = Field(default=25.0, ge=3.0)
    """Mean number of different songs a user has listened to."""
    min_listens: int = Field(default=8, ge=1)
    """Least number of different songs a user has listened to."""
    answer_share: float = Field(default=0.2, gt=0.0, lt=1.0)
    """Share of each user's listens, the latest, that follow the taste whatever ``listening`` is."""
    quiet_users: float = Field(default=0.0, ge=0.0, le=1.0)
    """Share of users whose listens but the answers follow popularity alone: only friends tell their taste."""

    drift: float = Field(default=0.0, ge=0.0, le=1.0)
    """Share of each user's listens before the answers, the earliest, that follow a former taste: that of another user."""

    temperature: float = Field(default=0.1, gt=0.0)
    """Divides the affinity (a cosine): smaller makes listeners stick closer to their taste."""
    popularity: float = Field(default=0.8, ge=0.0)
    """Standard deviation of a song's log popularity; 0 makes all songs equally known."""
    eclecticism: float = Field(default=0.25, gt=0.0)
    """Dirichlet concentration of users' style mixtures: small = one style each, large = all of them."""
    artist_noise: float = Field(default=0.6, ge=0.0)
    """Length of the random part of an artist's vector against the unit style centre."""
    song_noise: float = Field(default=0.6, ge=0.0)
    """Length of the random part of a song's vector against its unit artist vector."""

    friends_per_user: float = Field(default=6.0, ge=0.0)
    """Mean number of friends."""
    homophily: float = Field(default=0.8, ge=0.0, le=1.0)
    """0 = friendships are random, 1 = only between like-minded users."""
    tags_per_user: float = Field(default=12.0, ge=0.0)
    """Mean number of tag assignments of a user, all to songs listened to."""

    missing_lyrics: float = Field(default=0.25, ge=0.0, le=1.0)
    """Share of songs without lyrics."""
    missing_audio: float = Field(default=0.25, ge=0.0, le=1.0)
    """Share of songs without a sound file."""
    missing_cover: float = Field(default=0.2, ge=0.0, le=1.0)
    """Share of songs without a cover."""
    audio_seconds: float = Field(default=1.0, gt=0.0, le=60.0)
    """Length of a sound file."""

    signals: dict[str, float] = Field(default_factory=dict)
    """How strongly, in [0, 1], each kind of data reflects the taste; keys of :data:`SIGNALS`, 1 by default.

    ``listening`` scales the affinity in the listens before the answers; ``social`` multiplies ``homophily``;
    each other strength is the share of songs that show their own taste vector in that data, the rest show
    another song's.
    """

    @field_validator("signals")
    @classmethod
    def _complete(cls, signals: dict[str, float]) -> dict[str, float]:
        for name, strength in signals.items():
            if name not in SIGNALS:
                hint = did_you_mean(name, SIGNALS) or f"; there are {', '.join(SIGNALS)}"
                raise ValueError(f"no signal is called {name!r}{hint}")
            if not 0.0 <= strength <= 1.0:
                raise ValueError(f"signal {name!r} has strength {strength}, which is outside [0, 1]")
        return {name: signals.get(name, 1.0) for name in SIGNALS}

    @model_validator(mode="before")
    @classmethod
    def _always_with_signals(cls, values: Any) -> Any:
        return {"signals": {}, **values} if isinstance(values, Mapping) else values

    @model_validator(mode="after")
    def _fits_together(self) -> WorldSettings:
        if self.factors < self.styles:
            raise ValueError(f"factors ({self.factors}) must be at least styles ({self.styles})")
        if self.artists > self.songs:
            raise ValueError(f"artists ({self.artists}) must not exceed songs ({self.songs})")
        if self.listens_per_user > self.songs / 2:
            raise ValueError(
                f"listens_per_user ({self.listens_per_user:g}) must not exceed half of songs ({self.songs})"
            )
        return self

    def missing(self, modality: str) -> float:
        """Share of songs that lack a modality of :data:`MODALITIES`."""
        return float(getattr(self, f"missing_{modality}"))

    @classmethod
    def only(cls, *names: str, **values: Any) -> WorldSettings:
        """Settings in which only the named signals carry the taste; all others have strength 0."""
        silent = dict.fromkeys(SIGNALS, 0.0)
        return cls.parse({**values, "signals": {**silent, **dict.fromkeys(names, 1.0)}})

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> WorldSettings:
        """Read settings that a person wrote.

        :raises ConfigError: naming the first field that is unknown, of the wrong type or out of range.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"])
            hint = did_you_mean(field, cls.model_fields) if first["type"] == "extra_forbidden" else ""
            where = f"world setting {field!r}: " if field else "world settings: "
            raise ConfigError(f"{where}{first['msg'].removeprefix('Value error, ')}{hint}") from None
