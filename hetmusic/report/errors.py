"""Why a figure cannot be drawn."""

from __future__ import annotations

from hetmusic.errors import UserError


class NotAvailable(UserError):
    """A figure that a run or result has nothing for, such as emotions in a graph that knows none; says what is missing."""
