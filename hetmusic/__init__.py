"""hetmusic: heterogeneous graphs for socially aware, multi-modal music recommendation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hetmusic._version import __version__

if TYPE_CHECKING:
    from hetmusic._dgl import dgl
    from hetmusic.fitting import fit
    from hetmusic.graph import MusicGraph
    from hetmusic.models import MMGNN
    from hetmusic.recommend import Run
    from hetmusic.training.load_config import load_config

#: public name -> module that defines it; loaded when first used, so that `hetmusic --help` stays fast
_LAZY = {
    "MMGNN": "hetmusic.models",
    "MusicGraph": "hetmusic.graph",
    "Run": "hetmusic.recommend",
    "dgl": "hetmusic._dgl",
    "fit": "hetmusic.fitting",
    "load_config": "hetmusic.training",
}

__all__ = ["MMGNN", "MusicGraph", "Run", "__version__", "dgl", "fit", "load_config"]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'hetmusic' has no attribute {name!r}")
