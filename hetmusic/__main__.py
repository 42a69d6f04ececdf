"""``python -m hetmusic``."""

from __future__ import annotations

from hetmusic.cli import main

main()
