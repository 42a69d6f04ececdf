"""What tests of pictures share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from hetmusic.features.pictures import read_picture


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Image.Image]:
    """Reads the bytes of a file."""

    def go(content: bytes, at_least: int | None = None) -> Image.Image:
        path = tmp_path / "cover"
        path.write_bytes(content)
        return read_picture(path, at_least)

    return go
