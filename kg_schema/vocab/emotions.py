"""The emotion vocabulary: words for moods, placed by valence and arousal."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from pydantic import Field, model_validator

from kg_schema.models import SpecModel, mistake
from kg_schema.vocab.matching import AmbiguousWordError, Matcher
from kg_schema.yaml_file import YamlFile


class Emotion(SpecModel):
    """A mood on the circumplex of Russell (1980)."""

    #: from unpleasant (-1) to pleasant (1)
    valence: float = Field(ge=-1, le=1, allow_inf_nan=False)
    #: from calm (-1) to excited (1)
    arousal: float = Field(ge=-1, le=1, allow_inf_nan=False)
    #: other words for the same mood
    aliases: list[str] = Field(default_factory=list)


class EmotionVocabulary(SpecModel):
    """Emotions by canonical name, and the tags that mean them."""

    source: str
    emotions: dict[str, Emotion]

    @classmethod
    def load(cls, path: str | Path | None = None) -> EmotionVocabulary:
        """Read a vocabulary, by default ``emotions.yaml``.

        :raises SchemaError: with file, line and key of the first mistake.
        """
        document = YamlFile.read(
            Path(path) if path is not None else Path(__file__).with_name("emotions.yaml")
        )
        return document.validate(cls)

    @model_validator(mode="after")
    def _unambiguous(self) -> EmotionVocabulary:
        try:
            _ = self._matcher
        except AmbiguousWordError as error:
            raise mistake(str(error), "emotions", error.name) from None
        return self

    @cached_property
    def _matcher(self) -> Matcher:
        aliases = {name: emotion.aliases for name, emotion in self.emotions.items()}
        return Matcher(aliases, endings=["songs", "song", "music", "mood"])

    def lookup(self, text: str) -> str | None:
        """The emotion that a tag means, or None; ``lookup("Melancholic")`` is ``"melancholy"``."""
        return self._matcher.lookup(text)

    def __getitem__(self, name: str) -> Emotion:
        """Valence, arousal and aliases of a canonical name."""
        return self.emotions[name]
