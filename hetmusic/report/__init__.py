"""Pictures and numbers of finished runs, comparisons and ablations: what each figure shows, and the figure."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hetmusic.report.errors import NotAvailable
    from hetmusic.report.figure import FigureSpec, collect, figure_names, figures_for, get_figure, render
    from hetmusic.report.settings import ReportSettings
    from hetmusic.report.source import ResultSource, RunSource, open_source

#: public name -> module; imported on first use, so that importing the package costs nothing
_HOME = {
    "FigureSpec": "figure",
    "NotAvailable": "errors",
    "ReportSettings": "settings",
    "ResultSource": "source",
    "RunSource": "source",
    "collect": "figure",
    "figure_names": "figure",
    "figures_for": "figure",
    "get_figure": "figure",
    "open_source": "source",
    "render": "figure",
}

__all__ = [
    "FigureSpec",
    "NotAvailable",
    "ReportSettings",
    "ResultSource",
    "RunSource",
    "collect",
    "figure_names",
    "figures_for",
    "get_figure",
    "open_source",
    "render",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
