"""The command line: one small file per command, imported only when that command runs."""

from __future__ import annotations

from hetmusic.cli._main import main

__all__ = ["main"]
