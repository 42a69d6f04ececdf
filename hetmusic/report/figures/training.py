"""How a run was trained: its loss and its validation metric, epoch by epoch."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hetmusic import run_layout as layout
from hetmusic.errors import RunError
from hetmusic.report.data import FigureData
from hetmusic.report.drawing import sheet
from hetmusic.report.errors import NotAvailable
from hetmusic.report.figure import FigureSpec

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

    from hetmusic.report.source import RunSource
    from hetmusic.report.theme import Theme

#: where the start stands among the epochs
_START = -1


@dataclass(frozen=True, kw_only=True)
class TrainingData(FigureData):
    """A history."""

    #: from 0
    epochs: list[int]
    loss: list[float]
    #: name of the validation metric, e.g. ``ndcg@10``; empty if nothing was validated
    metric: str
    #: its value after each epoch; None where it was not measured
    values: list[float | None]
    #: its value before the first epoch, for models whose start is validated; None for others
    start: float | None
    #: the epoch whose weights were kept, -1 if the start was; None if nothing was validated
    best_epoch: int | None
    #: of all epochs together, without what lies between them
    seconds: float


def collect(source: RunSource) -> TrainingData:
    """Read ``history.jsonl``.

    :raises NotAvailable: if it has no epoch.
    :raises RunError: if it is missing or damaged.
    """
    path = source.path / layout.HISTORY_FILE
    lines = _lines(path)
    if not lines:
        raise NotAvailable(f"{path} has no epoch: the run was trained for none")
    metric = next(
        (key.removeprefix("valid_") for line in lines for key in line if key.startswith("valid_")), ""
    )
    values = [line.get(f"valid_{metric}") for line in lines]
    best, start = lines[-1].get("best_epoch"), lines[0].get(f"start_{metric}")
    return TrainingData(
        epochs=[line["epoch"] for line in lines],
        loss=[float(line["loss"]) for line in lines],
        metric=metric,
        values=values,
        start=start,
        best_epoch=best if isinstance(best, int) and (best >= 0 or start is not None) else None,
        seconds=sum(float(line.get("seconds", 0)) for line in lines),
    )


def _lines(path: Path) -> list[dict[str, Any]]:
    """The epochs; of one that was trained twice, since a run was resumed, the later."""
    try:
        texts = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise RunError(f"{path} cannot be read: {problem}") from None
    found: dict[int, dict[str, Any]] = {}
    for number, text in enumerate(texts, start=1):
        try:
            line = json.loads(text)
            found[int(line["epoch"])] = line
            finite = math.isfinite(line["loss"])
        except (ValueError, TypeError, KeyError) as problem:
            raise RunError(f"{path}, line {number} is damaged: {type(problem).__name__}: {problem}") from None
        if not finite:
            raise RunError(f"{path}, line {number}: the loss is {line['loss']}")
    return [found[epoch] for epoch in sorted(found)]


def draw(data: TrainingData, theme: Theme) -> Figure:
    """Loss on the left, validation on the right."""
    panels = 2 if data.metric else 1
    figure = sheet(4.6 * panels, 2.9)
    axes = figure.subplots(1, panels, squeeze=False)[0]
    marker = "o" if len(data.epochs) < 40 else None
    axes[0].plot(data.epochs, data.loss, color=theme.categories[0], marker=marker, markersize=3)
    axes[0].set(title="Training loss", xlabel="epoch")
    if data.metric:
        measured = [(e, v) for e, v in zip(data.epochs, data.values, strict=True) if v is not None]
        if data.start is not None:
            measured.insert(0, (_START, data.start))
            axes[1].xaxis.set_major_formatter(lambda epoch, _: "start" if epoch == _START else f"{epoch:.0f}")
        axes[1].plot(*zip(*measured, strict=True), color=theme.categories[6], marker=marker, markersize=3)
        axes[1].set(title=f"Validation {data.metric}", xlabel="epoch")
        kept = data.best_epoch
        if kept is not None and (best := dict(measured).get(kept)) is not None:
            axes[1].axvline(kept, color=theme.muted, linestyle=":", linewidth=1)
            axes[1].plot([kept], [best], "o", color=theme.text, markersize=6, zorder=3)
            when = "at the start" if kept == _START else f"in epoch {kept}"
            axes[1].set_title(f"Validation {data.metric}: {best:.4f} {when}, kept")
    for each in axes:
        each.grid(axis="y")
        each.xaxis.get_major_locator().set_params(integer=True)
        each.margins(x=0.03, y=0.12)
    return figure


FIGURE = FigureSpec(
    name="training",
    title="Training",
    caption="Loss on the training interactions and the metric on validation interactions after each epoch, and before the "
    "first where that was measured. The weights of the marked epoch were kept.",
    needs=frozenset({"run"}),
    collect=collect,
    draw=draw,
)
