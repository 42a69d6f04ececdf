"""Public data sets: which there are, what becomes of their files, and getting these."""

from __future__ import annotations

from hetmusic.dumps.catalogue import KnownDump, known_dumps
from hetmusic.dumps.describe import describe

__all__ = ["KnownDump", "describe", "known_dumps"]
