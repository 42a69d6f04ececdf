"""Objects that know what they were made with, so that a run can record an instance."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from typing_extensions import Self


class MadeWith:
    """Notes the arguments of its constructor."""

    #: arguments that hetmusic gives, and that are therefore not recorded
    given: ClassVar[Sequence[str]] = ()

    def __new__(cls, *arguments: Any, **named: Any) -> Self:
        """Note how the object is made."""
        made = super().__new__(cls)
        made.__dict__["_made_with"] = (arguments, named)
        return made

    @property
    def init_arguments(self) -> dict[str, Any]:
        """What the object was made with, by name, beside what hetmusic gives; defaults are left out."""
        arguments, named = self.__dict__["_made_with"]
        signature = inspect.signature(type(self).__init__)
        bound = signature.bind_partial(self, *arguments, **named).arguments
        found: dict[str, Any] = {}
        for name, value in list(bound.items())[1:]:
            several = signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD
            found |= value if several else {name: value}
        return {name: value for name, value in found.items() if name not in self.given}
