"""The base of the configuration's sections."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

from hetmusic._made_with import MadeWith


class StrictModel(BaseModel):
    """A configuration section: unknown keys are errors, and the text under a field is its description."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, validate_assignment=True)

    @model_serializer(mode="wrap")
    def _with_arguments_of_instances(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A ready plug-in is written as its class, and beside it the arguments that it was made with."""
        written: dict[str, Any] = handler(self)
        for name in type(self).model_fields:
            plugin = getattr(self, name)
            if isinstance(plugin, MadeWith) and f"{name}_arguments" in type(self).model_fields:
                written[f"{name}_arguments"] = plugin.init_arguments
        return written
