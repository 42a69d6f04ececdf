"""Which encoder reads a relation: for all towers, and for single ones."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import (
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from hetmusic.models.plugin_spec import PluginSpec, called, check_plain, check_ready_made, is_instance
from hetmusic.models.strict import OneLineModel, StrictModel

#: what shares one encoder, with one set of weights
Share = Literal["none", "layers", "towers", "all"]


class _WithArguments(OneLineModel):
    """A table whose unknown keys are arguments of the encoder that it names."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)

    @property
    def arguments(self) -> dict[str, Any]:
        """The encoder's own arguments."""
        return dict(self.model_extra or {})

    @model_validator(mode="before")
    @classmethod
    def _is_a_table(cls, values: Any) -> Any:
        if isinstance(values, str) or inspect.isclass(values) or callable(values):
            name = values if isinstance(values, str) else getattr(values, "__name__", type(values).__name__)
            raise ValueError(
                f"a relation is a table of settings, in which an encoder is one: encoder = {name}"
            )
        return values

    @model_validator(mode="after")
    def _arguments_are_plain(self) -> Any:
        encoder = getattr(self, "encoder", None)
        check_ready_made(encoder, self.arguments)
        of = "" if encoder is None else f" of encoder {called(encoder)}"
        check_plain(self.arguments, of)
        if is_instance(encoder):
            check_plain(getattr(encoder, "init_arguments", {}), of)
        return self

    @model_serializer(mode="wrap")
    def _with_those_of_an_instance(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """An instance is written as its class and the arguments that it was made with."""
        encoder = getattr(self, "encoder", None)
        made_with = getattr(encoder, "init_arguments", {}) if is_instance(encoder) else {}
        return {**handler(self), **made_with}


class RelationConfig(_WithArguments):
    """Which encoder reads a relation; further keys are the encoder's own arguments."""

    encoder: PluginSpec = "mean"
    """Registered name or import path ``module:Class`` of the relation encoder; in Python also a class or an instance (of
    which every place gets a copy)."""

    fanout: int | None = None
    """Neighbours sampled over this relation, if not ``training.fanout``; -1 is all."""

    use: bool = True
    """Set to false to leave the relation out of message passing."""

    share: Share = "none"
    """What shares one encoder with one set of weights: ``layers`` (those of a tower), ``towers`` (the same layer of each),
    ``all``, or ``none``: every layer of every tower has its own."""

    @field_validator("fanout")
    @classmethod
    def _fanout_is_positive(cls, value: int | None) -> int | None:
        if value is not None and value < 1 and value != -1:
            raise ValueError("a fanout is a positive number, or -1 for all neighbours")
        return value


class TowerRelation(_WithArguments):
    """What one tower does otherwise with a relation; further keys are the encoder's own arguments."""

    encoder: PluginSpec | None = None
    """Another encoder; the arguments of ``[relations.NAME]`` are then not used."""

    use: bool | None = None
    """Whether the tower reads the relation at all."""

    share: Share | None = None
    """As in ``[relations.NAME]``; ``towers`` shares among those that have the same encoder and arguments."""

    @model_validator(mode="before")
    @classmethod
    def _no_fanout(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and "fanout" in values:
            raise ValueError("towers share what is sampled, so fanout belongs into [relations.NAME]")
        return values

    def over(self, base: RelationConfig | None) -> RelationConfig:
        """The relation as the tower sees it.

        :param base: as the others see it; None if they do not use it.
        """
        old = RelationConfig() if base is None else base
        encoder = old.encoder if self.encoder is None else self.encoder
        inherited = old.arguments if encoder == old.encoder else {}
        return RelationConfig(
            encoder=encoder,
            fanout=old.fanout,
            use=old.use if self.use is None else self.use,
            share=old.share if self.share is None else self.share,
            **{**inherited, **self.arguments},
        )


#: keys of a relation's table that are no arguments of its encoder
RELATION_KEYS = frozenset(RelationConfig.model_fields)


class TowerConfig(StrictModel):
    """What one tower does otherwise than ``[model]`` and ``[relations.NAME]`` say."""

    combine: PluginSpec | None = None
    """How the tower combines relations, if not as ``model.combine`` says."""

    combine_arguments: dict[str, Any] = Field(default_factory=dict)
    """Arguments of that combiner."""

    relations: dict[str, TowerRelation] = Field(default_factory=dict)
    """Encoders of single relations."""


def relations_of(
    tower: str, relations: Mapping[str, RelationConfig], towers: Mapping[str, TowerConfig]
) -> dict[str, RelationConfig]:
    """The relations that a tower may read, by name, its own tables on top of the common ones.

    :return: only those with ``use``.
    """
    own = towers[tower].relations if tower in towers else {}
    merged = {**relations, **{name: over.over(relations.get(name)) for name, over in own.items()}}
    return {name: relation for name, relation in merged.items() if relation.use}
