"""The base of all models that are read from YAML: closed, frozen, and helpful about misspelt keys."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from kg_schema.errors import did_you_mean

#: pydantic error type of :func:`mistake`
MISTAKE = "mistake"


def mistake(message: str, *at: Any) -> PydanticCustomError:
    """An error to raise in a validator; ``at`` leads from the model to the key that is wrong."""
    # The text goes in as a value, since pydantic would read braces in the message as a format.
    return PydanticCustomError(MISTAKE, "{text}", {"text": message, "at": at})


class SpecModel(BaseModel):
    """A model whose unknown keys are errors that name the closest known key."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _no_unknown_keys(cls, values: Any) -> Any:
        if isinstance(values, dict):
            for key in values:
                if key not in cls.model_fields:
                    known = f"; known keys: {', '.join(cls.model_fields)}"
                    raise mistake(f"unknown key{did_you_mean(str(key), cls.model_fields) or known}", key)
        return values
