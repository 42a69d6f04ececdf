"""Which part of a graph is kept: settings of the filters, in the order in which they are applied."""

from __future__ import annotations

from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from kg_schema.models import SpecModel, mistake


class KeepList(SpecModel):
    """Where the keys of the nodes to keep are listed."""

    #: path of a text file with one key of the graph per line; for options of a build
    path: str | None = None
    #: a file of a dump, and its column with keys as the dump calls the nodes; for specifications
    file: str | None = None
    key: str | None = None

    @model_validator(mode="after")
    def _one_form(self) -> KeepList:
        if (self.path is None) == (self.file is None) or (self.file is None) != (self.key is None):
            raise mistake("give either `path`, or `file` and `key`")
        return self


def _path(value: Any) -> Any:
    return {"path": str(value)} if isinstance(value, (str, PurePath)) else value


KeepListField = Annotated[KeepList, BeforeValidator(_path)]


class Filters(SpecModel):
    """Settings of the filters; one that is left out removes nothing."""

    #: only these items
    items: KeepListField | None = None
    #: only these users
    users: KeepListField | None = None
    #: only interactions with at least this weight
    min_plays: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    #: only this share of the users, drawn by their keys
    sample: float | None = Field(default=None, gt=0, le=1)
    #: another number draws other users
    sample_seed: int = 0
    #: only the users with the most interactions
    top_users: int | None = Field(default=None, ge=1)
    #: only the items with the most interactions
    top_items: int | None = Field(default=None, ge=1)
    #: only users with at least so many interactions with items that are kept
    user_core: int | None = Field(default=None, ge=1)
    #: only items with at least so many interactions with users that are kept
    item_core: int | None = Field(default=None, ge=1)
    #: whether users and items without interaction (``linked``: without any edge or tag), and other nodes that have lost all
    #: their edges, are dropped
    isolated: Literal["drop", "linked", "keep"] = "drop"

    @model_validator(mode="after")
    def _seed_of_what(self) -> Filters:
        if "sample_seed" in self.model_fields_set and self.sample is None:
            raise mistake("is for `sample`", "sample_seed")
        return self

    @property
    def lists(self) -> dict[str, KeepList]:
        """``items`` and ``users``, as far as they are given."""
        found = {"items": self.items, "users": self.users}
        return {name: keep for name, keep in found.items() if keep is not None}

    @property
    def given(self) -> list[str]:
        """The filters that are wanted."""
        others = ("sample_seed", "isolated")
        return [
            name for name in type(self).model_fields if name not in others and getattr(self, name) is not None
        ]
