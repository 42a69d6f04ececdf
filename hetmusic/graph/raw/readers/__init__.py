"""Readers of files that are no tables: one module each, named by ``reader:`` in a dump specification."""

from __future__ import annotations

from hetmusic.graph.raw.readers.base import Reader, readers

__all__ = ["Reader", "readers"]
