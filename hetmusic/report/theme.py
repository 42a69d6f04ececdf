"""Colours, light and dark, that people with any colour vision can tell apart, and the style of all figures."""

from __future__ import annotations

import contextlib
import threading
import warnings
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
    #: of bars that the figure is not about
    bar: str
    #: ten that anybody can tell apart
    categories: tuple[str, ...]
    #: the one that stands for what the figure is about
    accent: str
    #: matplotlib colour maps: from little to much, and from below to above
    sequential: str
    diverging: str

    def category(self, number: int) -> str:
        """The colour of a category; they repeat after ten, so that a number or name has to be shown as well."""
        return self.categories[number % len(self.categories)]


# found by search from ten hues: any two differ by 28 or more in CIELAB, as people with normal vision see them and as
# those without one of the three kinds of cones do (Machado et al. 2009); tests/report/test_theme.py measures it
_LIGHT = (
    "#217dcc", "#ffaa00", "#900008", "#1e2658", "#6512f5", "#966859", "#df3c00", "#bfbd75", "#716b89", "#41d1b4",
)  # fmt: skip
_DARK = (
    "#668dee", "#ffd606", "#b9462d", "#fefff5", "#9932ff", "#906468", "#ed983f", "#a2bb87", "#656899", "#42ddf9",
)  # fmt: skip

THEMES = {
    "light": Theme(
        "light", "#ffffff", "#ffffff", "#1b1f24", "#59636e", "#d8dee4", "#aab4bf", _LIGHT, "#2a6fb0", "cividis", "PuOr_r",
    ),
    "dark": Theme(
        "dark", "#12161c", "#12161c", "#e8ecf1", "#a3adb9", "#333b45", "#5a6572", _DARK, "#6bb1f5", "cividis", "PuOr_r",
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
        # no frame to be seen, but what lies behind does not run through the words
        "legend.facecolor": theme.background,
        "legend.edgecolor": theme.background,
        "legend.framealpha": 0.9,
        "figure.facecolor": theme.background,
        "savefig.facecolor": theme.background,
        "figure.dpi": 100,
        # text stays text: smaller, searchable, and a browser finds letters that no font here has
        "svg.fonttype": "none",
        "svg.hashsalt": "hetmusic",
        "pdf.fonttype": 42,
    }
    with _LOCK, matplotlib.rc_context(), warnings.catch_warnings():
        # boxes stand for letters that no installed font has; there is nothing else to be done about them
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
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
