"""Sphinx roles in docstrings, such as :class:`~hetmusic.graph.Split`, as code; the reference is Markdown."""

from __future__ import annotations

import re
from typing import Any

import griffe

_ROLE = re.compile(r":(?:\w+:)?(?:class|meth|func|mod|attr|data|exc):`(~?)([^`]+)`")


def without_roles(text: str) -> str:
    """``:class:`~a.b.C``` becomes ```C```, ``:meth:`open``` becomes ```open```."""
    return _ROLE.sub(lambda found: f"`{found[2].rpartition('.')[2] if found[1] else found[2]}`", text)


class Roles(griffe.Extension):
    """Rewrites every docstring when it is loaded."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite one."""
        if obj.docstring:
            obj.docstring.value = without_roles(obj.docstring.value)
