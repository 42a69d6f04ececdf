"""Where the catalogue lies in the plane of emotion, and where what is listened to and recommended does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import RunError
from hetmusic.report.data import FigureData, Table
from hetmusic.report.drawing import sheet
from hetmusic.report.errors import NotAvailable
from hetmusic.report.figure import FigureSpec
from kg_schema.vocab.emotions import EmotionVocabulary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hetmusic.report.source import RunSource
    from hetmusic.report.theme import Theme

#: words that are written into the plane, where the vocabulary has them; they are far enough from each other to be read
WORDS = (
    "excitement", "happiness", "romance", "calm", "gentleness", "nostalgia", "melancholy", "gloom", "boredom", "darkness",
    "anger", "tension", "energy",
)  # fmt: skip
#: words written nearer to each other than this would overlap
_APART = 0.22


@dataclass(frozen=True, kw_only=True)
class EmotionData(FigureData):
    """Points of items; valence and arousal in [-1, 1]."""

    item_type: str
    #: indices of the items that are shown, shape ``(n,)``
    items: NDArray[np.int64]
    valence: NDArray[np.float32]
    arousal: NDArray[np.float32]
    #: valence and arousal, means over all that have a point: of the catalogue, of training interactions, of lists if there
    #: are any
    centres: dict[str, list[float]]
    num_known: int
    num_items: int

    def tables(self) -> list[Table]:
        """The means."""
        rows = [
            [name, f"{valence:+.3f}", f"{arousal:+.3f}"] for name, (valence, arousal) in self.centres.items()
        ]
        return [Table("mean emotion", ["", "valence", "arousal"], rows)]


def collect(source: RunSource) -> EmotionData:
    """Read the emotions of the items, and average them.

    :raises NotAvailable: if the graph knew none.
    """
    try:
        points, known = source.run.item_emotions
    except RunError as problem:
        if (source.path / "emotion").exists():
            raise
        raise NotAvailable(str(problem)) from None
    items = np.flatnonzero(known)
    if not len(items):
        raise NotAvailable(f"no {source.item_type} of {source.path} has a known emotion")
    centres = {"catalogue": _mean(points, known, np.ones(len(known)))}
    if source.listeners[known].any():
        centres["training interactions"] = _mean(points, known, source.listeners)
    try:
        lists = source.lists.items[:, : source.settings.k]
        places = np.bincount(lists[lists >= 0], minlength=len(known))
        if places[known].any():
            centres["recommendations"] = _mean(points, known, places)
    except NotAvailable:
        pass  # nothing is held out, so that nobody was evaluated
    shown, notes = _sample(items, source)
    return EmotionData(
        notes=(f"{len(items):,} of {len(known):,} {source.item_type}s have a known emotion.", *notes),
        item_type=source.item_type,
        items=shown,
        valence=points[shown, 0],
        arousal=points[shown, 1],
        centres=centres,
        num_known=len(items),
        num_items=len(known),
    )


def _mean(
    points: NDArray[np.float32], known: NDArray[np.bool_], weight: NDArray[np.float64] | NDArray[np.int64]
) -> list[float]:
    mean = np.average(points[known].astype(np.float64), axis=0, weights=weight[known])
    return [float(value) for value in mean]


def _sample(items: NDArray[np.int64], source: RunSource) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    most = source.settings.max_points
    if len(items) <= most:
        return items, ()
    drawn = np.random.default_rng(source.settings.seed).choice(items, most, replace=False)
    return np.sort(drawn), (f"Shown is a random sample of {most:,} of them.",)


def draw(data: EmotionData, theme: Theme) -> Figure:
    """The plane with a point an item, words for orientation, and the means."""
    figure = sheet(7.6, 6.2)
    axes = figure.subplots()
    axes.axhline(0, color=theme.grid, linewidth=1, zorder=0)
    axes.axvline(0, color=theme.grid, linewidth=1, zorder=0)
    places, counts = np.unique(np.stack([data.valence, data.arousal]).round(2), axis=1, return_counts=True)
    axes.scatter(
        places[0],
        places[1],
        s=np.minimum(9.0 * counts**0.8, 250),
        color=theme.accent,
        alpha=0.55 if len(counts) < 3_000 else 0.25,
        linewidths=0,
        rasterized=len(counts) > 400,
    )
    _write_words(axes, theme)
    markers = zip(
        data.centres.items(), "os^", (theme.text, theme.categories[1], theme.categories[6]), strict=False
    )
    for (name, (valence, arousal)), marker, color in markers:
        axes.plot(
            valence,
            arousal,
            marker,
            color=color,
            markersize=9,
            markeredgecolor=theme.background,
            markeredgewidth=1.5,
            label=f"mean of {name}",
            zorder=5,
        )
    axes.set(xlim=(-1.04, 1.04), ylim=(-1.04, 1.04), aspect="equal")
    axes.set_xlabel("valence: unpleasant to pleasant")
    axes.set_ylabel("arousal: calm to excited")
    figure.legend(loc="outside lower center", ncols=3, fontsize=8.5)
    return figure


def _write_words(axes: Axes, theme: Theme) -> None:
    from matplotlib.patheffects import withStroke

    vocabulary = EmotionVocabulary.load()
    outline = [withStroke(linewidth=3, foreground=theme.background)]
    written: list[tuple[float, float]] = []
    for word in WORDS:
        name = vocabulary.lookup(word)
        if name is None:
            continue
        place = vocabulary.emotions[name].valence, vocabulary.emotions[name].arousal
        if all(abs(place[0] - x) > 2 * _APART or abs(place[1] - y) > _APART / 2 for x, y in written):
            written.append(place)
            axes.annotate(
                word,
                place,
                ha="center",
                va="center",
                fontsize=9,
                color=theme.text,
                path_effects=outline,
                zorder=4,
            )


FIGURE = FigureSpec(
    name="emotion",
    title="Emotion",
    caption="Valence and arousal of the catalogue (Russell 1980), with words at their places for orientation, and the mean "
    "of the catalogue, of what was listened to in training and of the lists. A larger dot is several at one place.",
    needs=frozenset({"run"}),
    collect=collect,
    draw=draw,
)
