"""The genre vocabulary."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator, model_validator

from kg_schema.errors import did_you_mean
from kg_schema.models import SpecModel, mistake
from kg_schema.vocab.matching import AmbiguousWordError, Matcher
from kg_schema.yaml_file import YamlFile


class Genre(SpecModel):
    """A musical style."""

    #: the broader genre it belongs to, if any
    parent: str | None = None
    #: other names and spellings that normalising does not cover
    aliases: list[str] = Field(default_factory=list)


class GenreVocabulary(SpecModel):
    """Genres by canonical name, and the tags that mean them."""

    source: str
    genres: dict[str, Genre]

    @classmethod
    def load(cls, path: str | Path | None = None) -> GenreVocabulary:
        """Read a vocabulary, by default ``genres.yaml``.

        :raises SchemaError: with file, line and key of the first mistake.
        """
        document = YamlFile.read(Path(path) if path is not None else Path(__file__).with_name("genres.yaml"))
        return document.validate(cls)

    @field_validator("genres", mode="before")
    @classmethod
    def _nothing_to_say(cls, genres: Any) -> Any:
        """Let ``rock:`` without anything behind it stand for a genre without parent and aliases."""
        return {k: v or {} for k, v in genres.items()} if isinstance(genres, dict) else genres

    @model_validator(mode="after")
    def _parents_exist(self) -> GenreVocabulary:
        for name in self.genres:
            seen = [name]
            while (parent := self.genres[seen[-1]].parent) is not None:
                at = ("genres", seen[-1], "parent")
                if parent not in self.genres:
                    raise mistake(f"unknown genre {parent!r}{did_you_mean(parent, self.genres)}", *at)
                if parent in seen:
                    raise mistake(f"{parent!r} is its own ancestor", *at)
                seen.append(parent)
        return self

    @model_validator(mode="after")
    def _unambiguous(self) -> GenreVocabulary:
        try:
            _ = self._matcher
        except AmbiguousWordError as error:
            raise mistake(str(error), "genres", error.name) from None
        return self

    @cached_property
    def _matcher(self) -> Matcher:
        return Matcher({name: genre.aliases for name, genre in self.genres.items()}, endings=["music"])

    def lookup(self, text: str) -> str | None:
        """The genre that a tag means, or None; ``lookup("Hip Hop")`` is ``"hip hop"``."""
        return self._matcher.lookup(text)
