"""Packages that are installed for the length of a test: a folder on the path, with metadata as pip leaves it."""

from __future__ import annotations

import importlib
import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

_NUMBERS = itertools.count()

ENCODER = '''
"""An encoder of another package."""

import torch
from hetmusic.relations import RelationEncoder


class Decay(RelationEncoder):
    """Old listens count less.

    :param rate: of forgetting, a day.
    """

    def __init__(self, dim: int, rate: float = 0.1) -> None:
        super().__init__(dim)
        self.rate = rate

    def message(self, src, dst, edge):
        return src.h * torch.exp(-self.rate * edge["weight"])[:, None]
'''

Install = Callable[..., str]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a module of its own name: ``install(code, version="1.2", points={...})`` gives the name.

    ``points`` are entry points by group, ``{"hetmusic.relation_encoders": {"decay": "Decay"}}``.
    """
    made: list[str] = []

    def go(
        code: str = ENCODER, version: str | None = "1.2", points: dict[str, dict[str, str]] | None = None
    ) -> str:
        name = f"other_package_{next(_NUMBERS)}"
        folder = tmp_path / "site"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.py").write_text(code, encoding="utf-8")
        if version is not None:
            info = folder / f"{name}-{version}.dist-info"
            info.mkdir()
            dashed = name.replace("_", "-")
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dashed}\nVersion: {version}\n")
            (info / "top_level.txt").write_text(f"{name}\n")
            lines = [
                f"[{group}]\n"
                + "".join(
                    f"{key} = {name}{':' * bool(attribute)}{attribute}\n" for key, attribute in found.items()
                )
                for group, found in (points or {}).items()
            ]
            (info / "entry_points.txt").write_text("\n".join(lines))
        monkeypatch.syspath_prepend(str(folder))
        importlib.invalidate_caches()
        made.append(name)
        return name

    yield go
    for name in made:
        sys.modules.pop(name, None)
