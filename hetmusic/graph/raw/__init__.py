"""Raw files as batches of text columns: CSV, JSON lines and parquet look the same from here on."""

from __future__ import annotations

from hetmusic.graph.raw.files import RawFiles

__all__ = ["RawFiles"]
