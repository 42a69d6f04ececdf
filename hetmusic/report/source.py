"""What a report is made of: a finished run, or the results of ``hetmusic compare`` or ``hetmusic ablate``."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from hetmusic import run_layout as layout
from hetmusic.errors import RunError
from hetmusic.experiments.comparison import COMPARISON_FILE
from hetmusic.experiments.summary import Summary
from hetmusic.report.errors import NotAvailable
from hetmusic.report.settings import ReportSettings
from hetmusic.report.traits import Traits, traits_of

if TYPE_CHECKING:
    from hetmusic.evaluation import Lists
    from hetmusic.graph import MusicGraph, TrainingView
    from hetmusic.recommend import Run
    from hetmusic.report.map import ItemMap

#: lengths of lists that every report shows
CUTOFFS = (5, 10, 20, 50)

#: file -> what a folder with it holds, for the error that it is no source of a report
_OTHERS = {
    "study.json": "a search of settings (hetmusic tune); fit its best.toml and report that run",
    "graph.json": "a graph; report a run that was fitted on it",
}


class RunSource:
    """A finished run. Everything is read or computed when first asked for, and then kept."""

    kind: ClassVar[str] = "run"

    def __init__(self, run: Run, settings: ReportSettings) -> None:
        self.run = run
        self.path = run.path
        self.settings = settings

    @property
    def item_type(self) -> str:
        """What is recommended, e.g. ``artist``."""
        return self.run.info.item_type

    @cached_property
    def graph(self) -> MusicGraph:
        """The graph that the run was fitted on.

        :raises NotAvailable: if it is gone, damaged or has changed.
        """
        try:
            return self.run.graph
        except RunError as problem:
            raise NotAvailable(str(problem)) from None

    @cached_property
    def view(self) -> TrainingView:
        """The graph as training saw it, without held-out pairs.

        :raises NotAvailable: as for :attr:`graph`.
        """
        from hetmusic.graph import Split, TrainingView

        return TrainingView(self.graph, Split.load(self.path / layout.SPLIT_FOLDER, self.graph))

    @cached_property
    def lists(self) -> Lists:
        """The lists of all users with test interactions, long enough for every cutoff; without any, of validation.

        :raises NotAvailable: if nothing is held out.
        """
        split = self.run.split
        held_out = [part for part in ("test", "valid") if len(getattr(split, part))]
        if not held_out:
            raise NotAvailable(
                f"the split of {self.path} holds no interactions out, so that there is nothing to find again"
            )
        return self.run.ranked(self.cutoffs[-1], part=held_out[0])

    @cached_property
    def candidates(self) -> NDArray[np.int32]:
        """Items that can be recommended, ascending."""
        items = self.run.split.items
        return np.arange(self.run.info.num_items, dtype=np.int32) if items is None else items

    @property
    def cutoffs(self) -> tuple[int, ...]:
        """Lengths of lists that are shown, ascending."""
        return tuple(sorted({*CUTOFFS, self.settings.k}))

    @cached_property
    def listeners(self) -> NDArray[np.int64]:
        """Number of training interactions of every item."""
        return np.bincount(self.run.split.train.dst, minlength=self.run.info.num_items)

    @cached_property
    def activity(self) -> NDArray[np.int64]:
        """Number of training interactions of every user."""
        return np.bincount(self.run.split.train.src, minlength=self.run.info.num_users)

    @cached_property
    def genres(self) -> Traits | None:
        """Genres of the items, as training may see them; None if the graph has none.

        :raises NotAvailable: if the graph is gone.
        """
        return traits_of(self.view, "genre")

    @cached_property
    def map(self) -> ItemMap:
        """Items with a learned vector, in clusters with names; see :func:`hetmusic.report.map.map_items`."""
        from hetmusic.report.map import map_items

        return map_items(self)

    @cached_property
    def emotion_words(self) -> Traits | None:
        """Emotion words of the items, likewise."""
        return traits_of(self.view, "emotion")


class ResultSource:
    """The results of a comparison or an ablation."""

    def __init__(self, path: Path, summary: Summary, settings: ReportSettings) -> None:
        self.path = path
        self.summary = summary
        self.settings = settings

    @property
    def kind(self) -> str:
        """``comparison`` or ``ablation``."""
        return str(self.summary.about["kind"])


Source = RunSource | ResultSource


def open_source(path: Path | str, settings: ReportSettings | None = None) -> Source:
    """Open a run folder, or the result folder of a comparison or ablation.

    :raises RunError: if the folder is neither, or is unfinished or damaged.
    """
    folder = Path(path)
    chosen = settings or ReportSettings()
    if not folder.is_dir():
        raise RunError(f"{folder}: no such folder" if not folder.exists() else f"{folder} is not a folder")
    if (folder / COMPARISON_FILE).is_file():
        return ResultSource(folder, Summary.load(folder), chosen)
    if not (folder / layout.RUN_FILE).is_file():
        _refuse(folder)
    from hetmusic.recommend import Run

    return RunSource(Run.open(folder), chosen)


def _refuse(folder: Path) -> None:
    for name, what in _OTHERS.items():
        if (folder / name).is_file():
            raise RunError(f"{folder} is neither a run nor a comparison: it is {what}")
    raise RunError(
        f"{folder} is neither a run nor the result of compare or ablate: it has no {layout.RUN_FILE} and no "
        f"{COMPARISON_FILE}"
    )
