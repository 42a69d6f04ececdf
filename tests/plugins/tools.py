"""A kind of plug-in of the tests' own, and things to make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from torch import nn

from hetmusic._resolve import Resolver

if TYPE_CHECKING:
    from collections.abc import Sequence


class Tool:
    """Something to make.

    :param rate: how fast,
        in days.
    :param kind: of tool.
    """

    def __init__(
        self,
        size: int,
        rate: float = 0.1,
        kind: Literal["hammer", "saw"] = "saw",
        limit: float | None = None,
        parts: Sequence[int] = (),
        module: nn.Module | None = None,
        free="anything",
    ) -> None:
        self.found = (size, rate, kind, limit, parts, module, free)


class Broken(Tool):
    def __init__(self, size: int) -> None:
        raise ZeroDivisionError("not today")


tools: Resolver[Tool] = Resolver("tool", Tool, "hetmusic.tests.tools", given=["size"])
tools.register("plain")(Tool)
