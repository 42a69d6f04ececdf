"""Figures by name: what each needs, its data, its picture, and the picture as a file."""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hetmusic.errors import ConfigError, did_you_mean
from hetmusic.report.errors import NotAvailable
from hetmusic.report.svg import tidied
from hetmusic.report.theme import Theme, get_theme, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hetmusic.report.data import FigureData
    from hetmusic.report.source import Source

#: figure -> its module in :mod:`hetmusic.report.figures`, in the order of a report
_MODULES = {
    "schema": "schema",
    "architecture": "architecture",
    "training": "training",
    "metrics": "metrics",
    "activity": "activity",
    "popularity": "popularity",
    "cold-warm": "cold_warm",
    "calibration": "calibration",
    "clusters": "clusters",
    "heatmap": "heatmap",
    "emotion": "emotion",
    "comparison": "comparison",
    "ablation": "ablation",
}

#: format of a file -> what matplotlib writes into it beside the picture; None leaves out what would differ each time
_METADATA: dict[str, dict[str, str | None]] = {
    "png": {"Software": "hetmusic"},
    "svg": {"Creator": "hetmusic", "Date": None},
    "pdf": {"Creator": "hetmusic", "Producer": "matplotlib", "CreationDate": None},
}
FORMATS = tuple(_METADATA)


@dataclass(frozen=True)
class FigureSpec:
    """A kind of figure."""

    #: as the command line has it, e.g. ``cold-warm``
    name: str
    title: str
    #: what is to be seen and how to read it; the notes of the data belong to it as well
    caption: str
    #: kinds of sources that it can be drawn for: ``run``, ``comparison``, ``ablation``
    needs: frozenset[str]
    #: source -> data; use :func:`collect`, which checks the source first
    collect: Callable[[Any], FigureData]
    #: data and theme -> matplotlib figure; use :func:`render` or :meth:`drawn`, which set the style
    draw: Callable[[Any, Theme], Figure]

    def drawn(self, data: FigureData, theme: str | Theme = "light") -> Figure:
        """Draw data in a theme."""
        chosen = get_theme(theme)
        with styled(chosen):
            return self.draw(data, chosen)


def figure_names() -> list[str]:
    """Names of all figures, in the order of a report."""
    return list(_MODULES)


def get_figure(name: str) -> FigureSpec:
    """The figure of a name; only its module is imported.

    :raises ConfigError: if there is none.
    """
    if name not in _MODULES:
        raise ConfigError(
            f"unknown figure {name!r}{did_you_mean(name, _MODULES)}; known: {', '.join(_MODULES)}"
        )
    found = importlib.import_module(f"hetmusic.report.figures.{_MODULES[name]}").FIGURE
    assert isinstance(found, FigureSpec)
    return found


def figures_for(source: Source) -> list[FigureSpec]:
    """The figures that a kind of source may have, in the order of a report."""
    return [spec for name in _MODULES if source.kind in (spec := get_figure(name)).needs]


def collect(spec: FigureSpec, source: Source) -> FigureData:
    """The data of a figure.

    :raises NotAvailable: if this source has nothing for it; the message is the reason.
    :raises UserError: if files of the source are damaged.
    """
    if source.kind not in spec.needs:
        wanted = " or ".join(f"hetmusic {_COMMANDS[kind]}" for kind in sorted(spec.needs))
        raise NotAvailable(
            f"figure {spec.name} shows what {wanted} has written; {source.path} is from hetmusic "
            f"{_COMMANDS[source.kind]}"
        )
    return spec.collect(source)


_COMMANDS = {"run": "fit", "comparison": "compare", "ablation": "ablate"}


def render(
    spec: FigureSpec, data: FigureData, theme: str | Theme = "light", format: str = "png", *, dpi: int = 150
) -> bytes:
    """The picture as the content of a file; the same data give the same bytes.

    :param format: ``png``, ``svg`` or ``pdf``.
    :param dpi: dots per inch, of png and of what is dots in the other formats.
    :raises ConfigError: for an unknown theme or format.
    """
    if format not in _METADATA:
        raise ConfigError(
            f"unknown format {format!r}{did_you_mean(format, FORMATS)}; known: {', '.join(FORMATS)}"
        )
    chosen = get_theme(theme)
    stream = io.BytesIO()
    with styled(chosen):
        spec.draw(data, chosen).savefig(stream, format=format, dpi=dpi, metadata=_METADATA[format])
    content = stream.getvalue()
    return tidied(content.decode(), f"{spec.name}-{chosen.name}-").encode() if format == "svg" else content
