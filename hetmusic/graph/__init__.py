"""Music knowledge graphs: building, opening, splitting, and what training may see of them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hetmusic.graph.leakage import LeakageReport, check_leakage
    from hetmusic.graph.music_graph import MusicGraph
    from hetmusic.graph.splits import Split
    from hetmusic.graph.types import Edges, EdgeType, Modality
    from hetmusic.graph.validation import ValidationReport, validate_graph
    from hetmusic.graph.view import TrainingView
    from hetmusic.graph.writer import GraphWriter

#: public name -> module; imported on first use, so that ``import hetmusic.graph`` costs nothing
_HOME = {
    "EdgeType": "types",
    "Edges": "types",
    "GraphWriter": "writer",
    "LeakageReport": "leakage",
    "Modality": "types",
    "MusicGraph": "music_graph",
    "Split": "splits",
    "TrainingView": "view",
    "ValidationReport": "validation",
    "check_leakage": "leakage",
    "validate_graph": "validation",
}

__all__ = [
    "EdgeType",
    "Edges",
    "GraphWriter",
    "LeakageReport",
    "Modality",
    "MusicGraph",
    "Split",
    "TrainingView",
    "ValidationReport",
    "check_leakage",
    "validate_graph",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
