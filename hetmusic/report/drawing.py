"""What several figures draw alike: sheets, bars with intervals, and texts of any origin made safe to draw."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hetmusic.report.theme import Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: format characters that change the direction of what follows, which would reach beyond the name
_DIRECTIONS = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
#: mean width of a letter or digit and of a gap beside it, in sizes of the font
_LETTER = 0.7


def clean(text: object, limit: int = 40) -> str:
    """One line of a text that may hold anything, cut to so many characters with an ellipsis.

    What could break a drawing or an XML file is gone: control characters, line breaks, lone surrogates, overrides of the
    writing direction. All else, ``<``, ``$`` and emoji included, is a letter like any other.
    """
    kept = (" " if c.isspace() else c for c in str(text) if c.isspace() or _is_drawn(c))
    words = " ".join("".join(kept).split())
    return words if len(words) <= limit else words[: limit - 1].rstrip() + "…"


def _is_drawn(character: str) -> bool:
    code = ord(character)
    no_character = 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE
    return (
        unicodedata.category(character) not in ("Cc", "Cs")
        and not no_character
        and character not in _DIRECTIONS
    )


def sheet(width: float, height: float) -> Figure:
    """An empty figure, in inches, whose parts find their places by themselves."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    engine = ConstrainedLayoutEngine(w_pad=0.07, h_pad=0.07, wspace=0.04, hspace=0.04)
    return Figure(figsize=(width, height), layout=engine)


def errors(mean: Sequence[float], low: Sequence[float], high: Sequence[float]) -> Any:
    """Lengths of error bars, shape ``(2, n)``; 0 where there is no interval."""
    around = np.array(mean, dtype=float)
    return np.nan_to_num(np.stack([around - np.array(low, float), np.array(high, float) - around])).clip(
        min=0
    )


def bars(
    axes: Axes,
    theme: Theme,
    estimates: Sequence[Sequence[float]],
    color: str | None = None,
    places: Sequence[float] | None = None,
    width: float = 0.65,
    digits: int = 3,
) -> None:
    """Upright bars with intervals and their values on top; nothing where a mean is NaN.

    :param estimates: means, lower and upper ends.
    """
    mean, low, high = estimates
    where = range(len(mean)) if places is None else places
    known = [i for i, value in enumerate(mean) if math.isfinite(value)]
    at = [where[i] for i in known]
    heights = [mean[i] for i in known]
    lengths = errors(heights, [low[i] for i in known], [high[i] for i in known])
    axes.bar(at, heights, width=width, color=color or theme.accent)
    axes.errorbar(at, heights, lengths, fmt="none", ecolor=theme.text, elinewidth=1.2, capsize=2.5)
    for place, value, above in zip(at, heights, lengths[1], strict=True):
        axes.annotate(
            f"{value:.{digits}f}",
            (place, value + above),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=8,
        )


def upright(axes: Axes, places: Sequence[float], labels: Sequence[str], fontsize: float = 8) -> None:
    """Labels below bars that start at zero; aslant where they would run into each other."""
    longest = max((len(line) for label in labels for line in label.split("\n")), default=0)
    needed = len(labels) * longest * _LETTER * fontsize / 72
    aslant: dict[str, Any] = (
        {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if needed > _room(axes) else {}
    )
    axes.set_xticks(places, labels, fontsize=fontsize, **aslant)
    axes.tick_params(axis="x", length=0)
    axes.grid(axis="y")
    axes.margins(y=0.14)
    axes.set_ylim(bottom=0)


def _room(axes: Axes) -> float:
    """About the width of a panel, in inches, without the numbers on its left."""
    grid = axes.get_subplotspec()
    panels = grid.get_gridspec().ncols if grid is not None else 1
    return float(axes.figure.bbox.width / axes.figure.dpi / panels - 0.5)
