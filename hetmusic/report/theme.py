"""Colours, light and dark, that people with any colour vision can tell apart, and the style of all figures."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from hetmusic.errors import ConfigError, did_you_mean


@dataclass(frozen=True)
class Theme:
    """The colours of a figure, as ``#rrggbb``."""

    name: str
    background: str
    #: of axes, where they differ from the background
    surface: str
    text: str
    #: labels of less weight
    muted: str
    grid: str
    #: ten that differ in lightness as well as in hue
    categories: tuple[str, ...]
    #: the one that stands for what the figure is about
    accent: str
    #: matplotlib colour maps: from little to much, and from below to above
    sequential: str
    diverging: str

    def category(self, number: int) -> str:
        """The colour of a category; they repeat after ten, so that a number or name has to be shown as well."""
        return self.categories[number % len(self.categories)]


# ten colours in the order of Petroff (2021), "Accessible Color Sequences for Data Visualization"
_LIGHT = (
    "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#5fb8bd",
)  # fmt: skip
# the same hues, the dark ones lighter, so that each stands out from the dark background
_DARK = (
    "#5ba8f0", "#ffb833", "#f0563a", "#a9bab8", "#b77be0", "#c98f7d", "#ff8b3d", "#cfc28a", "#9aa0ae", "#8fe0e4",
)  # fmt: skip

THEMES = {
    "light": Theme(
        "light", "#ffffff", "#ffffff", "#1b1f24", "#59636e", "#d8dee4", _LIGHT, "#2a6fb0", "cividis", "PuOr_r",
    ),
    "dark": Theme(
        "dark", "#12161c", "#12161c", "#e8ecf1", "#a3adb9", "#333b45", _DARK, "#6bb1f5", "cividis", "PuOr_r",
    ),
}  # fmt: skip

#: fonts that are tried for letters that DejaVu Sans, which comes with matplotlib, does not have
_FALLBACKS = (
    "Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans JP", "Noto Sans SC", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei",
    "IPAexGothic", "Hiragino Sans", "PingFang SC", "Microsoft YaHei", "Malgun Gothic", "Noto Sans KR",
    "Noto Sans Arabic", "Noto Sans Hebrew", "Noto Sans Devanagari", "Noto Sans Thai", "Noto Emoji", "Symbola",
    "Segoe UI Symbol", "Arial Unicode MS",
)  # fmt: skip

# matplotlib's settings are one for the process: figures are drawn one at a time
_LOCK = threading.RLock()


def get_theme(name: str | Theme) -> Theme:
    """The theme of a name.

    :raises ConfigError: if there is none.
    """
    if isinstance(name, Theme):
        return name
    if name not in THEMES:
        raise ConfigError(f"unknown theme {name!r}{did_you_mean(name, THEMES)}; known: {', '.join(THEMES)}")
    return THEMES[name]


@contextlib.contextmanager
def styled(theme: Theme) -> Iterator[None]:
    """Draw in a theme: nothing of the user's own matplotlib settings counts inside, and all of them do afterwards.

    Another thread waits until the block ends.
    """
    import matplotlib

    own: Any = {
        "font.family": _font_families(),
        "font.size": 9.5,
        # names are names: no dollar sign in them starts a formula
        "text.parse_math": False,
        "text.color": theme.text,
        "axes.labelcolor": theme.text,
        "axes.edgecolor": theme.muted,
        "axes.facecolor": theme.surface,
        "axes.titlesize": 10.5,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.unicode_minus": True,
        "xtick.color": theme.muted,
        "ytick.color": theme.muted,
        "xtick.labelcolor": theme.text,
        "ytick.labelcolor": theme.text,
        "grid.color": theme.grid,
        "grid.linewidth": 0.7,
        "legend.frameon": False,
        "figure.facecolor": theme.background,
        "savefig.facecolor": theme.background,
        "figure.dpi": 100,
        # text stays text: smaller, searchable, and a browser finds letters that no font here has
        "svg.fonttype": "none",
        "svg.hashsalt": "hetmusic",
        "pdf.fonttype": 42,
    }
    with _LOCK, matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(own)
        yield


@cache
def _font_families() -> list[str]:
    """DejaVu Sans, the fallbacks that are installed, and Verdana: in an SVG on a machine without DejaVu Sans, Verdana is
    the font of nearly the same widths."""
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in (*_FALLBACKS, "Verdana") if name in installed)]
